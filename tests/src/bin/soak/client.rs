//! Clients, good and bad.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Longest that a good client waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// An answer that arrived whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request over a connection of its own; `None` if no complete answer came.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
) -> Option<Answer> {
    let begin = Instant::now();
    let asked = async {
        let stream = TcpStream::connect(address).await.ok()?;
        over(stream, method, target, headers, begin).await
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}

/// The same over an existing connection.
pub(crate) async fn over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    method: &str,
    target: &str,
    headers: &str,
    begin: Instant,
) -> Option<Answer> {
    let request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    let mut answer = Vec::new();
    // An answer that is complete by its length counts, even if the connection ends with an error.
    let _ = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let body = answer.split_off(end + 4);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length?.parse().ok()?;
    if method != "HEAD" && body.len() != length {
        return None;
    }
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        took: begin.elapsed(),
        body,
    })
}

pub(crate) const LOCAL: &str = "Host: localhost\r\n";

/// A scrape of the whole page; how long it took, if it succeeded.
pub(crate) async fn scrape(address: SocketAddr, headers: &str) -> Option<Duration> {
    let headers = format!("{LOCAL}{headers}");
    let answer = ask(address, "GET", "/metrics", &headers).await?;
    (answer.status == 200).then_some(answer.took)
}

/// The value of a series, from a page of its family alone.
pub(crate) async fn metric(address: SocketAddr, series: &str) -> f64 {
    let family = series.split('{').next().unwrap_or(series);
    let target = format!("/metrics?name[]={family}");
    let answer = ask(address, "GET", &target, LOCAL).await;
    let page = answer.map(|answer| answer.text()).unwrap_or_default();
    value(&page, series).unwrap_or(f64::NAN)
}

pub(crate) fn value(page: &str, series: &str) -> Option<f64> {
    let mut lines = page.lines();
    lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// Times of scrapes, and how many failed.
#[derive(Default)]
pub(crate) struct Scrapes {
    times: Vec<Duration>,
    pub(crate) failed: usize,
}

impl Scrapes {
    pub(crate) fn note(&mut self, outcome: Option<Duration>) {
        match outcome {
            Some(took) => self.times.push(took),
            None => self.failed += 1,
        }
    }

    /// One after the other.
    pub(crate) async fn of(address: SocketAddr, number: usize) -> Self {
        let mut scrapes = Self::default();
        for _ in 0..number {
            scrapes.note(scrape(address, "").await);
        }
        scrapes
    }

    pub(crate) fn number(&self) -> usize {
        self.times.len() + self.failed
    }

    /// The time that this share of scrapes took at most, in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted: Vec<f64> = self
            .times
            .iter()
            .map(|time| time.as_secs_f64() * 1e3)
            .collect();
        sorted.sort_by(f64::total_cmp);
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index among some thousands"
        )]
        let index = (sorted.len() as f64 * share) as usize;
        let last = sorted.len().saturating_sub(1);
        sorted.get(index.min(last)).copied().unwrap_or(f64::NAN)
    }

    /// Parts in a thousand that succeeded.
    pub(crate) fn per_mille(&self) -> usize {
        self.times.len() * 1000 / self.number().max(1)
    }
}

/// How an attacker uses its connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attack {
    /// Sends a byte of a request each second.
    Slow,
    Silent,
}

/// Connections that attack until they are dropped.
pub(crate) struct Attackers {
    tasks: Vec<JoinHandle<()>>,
    ends: Arc<AtomicBool>,
}

impl Drop for Attackers {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Attackers {
    /// So many of both kinds; with `again`, each reconnects as soon as it was cut off.
    pub(crate) fn start(address: SocketAddr, of_each: usize, again: bool) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let kinds = [Attack::Slow, Attack::Silent]
            .into_iter()
            .cycle()
            .take(of_each * 2);
        let attack = |kind| {
            let ends = Arc::clone(&ends);
            tokio::spawn(async move {
                loop {
                    attack_once(address, kind).await;
                    if !again || ends.load(Ordering::Relaxed) {
                        return;
                    }
                }
            })
        };
        Self {
            tasks: kinds.map(attack).collect(),
            ends: Arc::clone(&ends),
        }
    }
}

/// Until the server cuts it off.
async fn attack_once(address: SocketAddr, kind: Attack) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        tokio::time::sleep(Duration::from_millis(10)).await;
        return;
    };
    let request =
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for byte in request {
        if matches!(kind, Attack::Slow) && stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut [0; 64])).await;
        if matches!(read, Ok(Ok(0) | Err(_))) {
            return;
        }
    }
    let _ = stream.read(&mut [0; 64]).await;
}
