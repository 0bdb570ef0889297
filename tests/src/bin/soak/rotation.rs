//! Bar 15: mixed clients, while certificates and passwords change.

use std::time::{Duration, Instant};

use crate::bars::options;
use crate::client::{LOCAL, Scrapes, value};
use crate::process::{Server, mib, until};
use crate::table::Table;
use crate::tls::{Pki, ask, users};

const PAUSE: Duration = Duration::from_secs(10);
/// A run that is long enough to show a slope.
const JUDGED: Duration = Duration::from_mins(5);
const MIB: f64 = 1_048_576.0;

const TOKEN: &str = "a-token-that-never-changes";

/// Of user `ann` and this password.
fn basic(password: &str) -> String {
    use base64::Engine;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("ann:{password}"));
    format!("{LOCAL}Authorization: Basic {pair}\r\n")
}

/// The server's memory from the first second to the last, once a second.
struct Memories {
    begin: Instant,
    /// Seconds and bytes.
    points: Vec<[f64; 2]>,
}

impl Memories {
    fn new(begin: Instant) -> Self {
        Self {
            begin,
            points: Vec::new(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no 8 PiB")]
    fn look(&mut self, server: &Server) {
        let now = self.begin.elapsed().as_secs_f64();
        let last = self.points.last().map_or(f64::NEG_INFINITY, |last| last[0]);
        if now - last >= 1.0 {
            self.points.push([now, server.rss() as f64]);
        }
    }

    /// Bytes a second, of the line of least squares through all points; zero for fewer than two.
    #[expect(clippy::cast_precision_loss, reason = "some hundreds of points")]
    fn slope(&self) -> f64 {
        let number = self.points.len() as f64;
        let mean =
            |index: usize| self.points.iter().map(|point| point[index]).sum::<f64>() / number;
        let [time, memory] = [mean(0), mean(1)];
        let together = self.points.iter();
        let together: f64 = together.map(|[x, y]| (x - time) * (y - memory)).sum();
        let spread: f64 = self.points.iter().map(|[x, _]| (x - time).powi(2)).sum();
        if spread > 0.0 { together / spread } else { 0.0 }
    }

    fn note(&self, table: &mut Table, length: Duration, grown: u64) {
        let slope = self.slope() * 600.0;
        // A short run shows no slope, only the maximum.
        let (what, holds) = if length < JUDGED {
            let what = "memory more than before, at most 8 MiB (too short for its slope)";
            (what, grown <= 8 << 20)
        } else {
            let what = "slope of memory, less than 1 MiB in 10 minutes";
            (what, slope < MIB)
        };
        let measured = format!("{:+.2} MiB, {} in all", slope / MIB, mib(grown));
        table.note("15", what, measured, holds);
    }
}

pub(crate) async fn rotate(table: &mut Table, length: Duration) {
    let pki = Pki::new("rotation");
    let web = pki.web(&users(&[("ann", "password 0")], 8));
    let (web, token) = (format!("web={}", web.display()), format!("token={TOKEN}"));
    let server = Server::start(&options(&["lines=11000", &web, &token]));
    let (address, connector) = (server.address, pki.connector());
    let with_token = format!("{LOCAL}Authorization: Bearer {TOKEN}\r\n");
    let scrape = async |headers: &str| {
        let answer = ask(&connector, address, "/metrics", headers).await;
        answer
            .filter(|answer| answer.status == 200)
            .map(|answer| answer.took)
    };
    for _ in 0..100 {
        let _ = scrape(&with_token).await;
    }
    let (memory, descriptors) = (server.rss(), server.descriptors());
    let (begin, mut round) = (Instant::now(), 0_u32);
    let (mut scrapes, mut slowest, mut broken) = (Scrapes::default(), Duration::ZERO, 0);
    let mut memories = Memories::new(begin);
    while begin.elapsed() < length {
        round += 1;
        pki.renew();
        let (old, new) = (
            basic(&format!("password {}", round - 1)),
            basic(&format!("password {round}")),
        );
        pki.web(&users(&[("ann", &format!("password {round}"))], 8));
        let changed = Instant::now();
        // Scrapes with credentials that stay go on all the time.
        while scrape(&old).await.is_some() && changed.elapsed() < PAUSE {
            scrapes.note(scrape(&with_token).await);
            memories.look(&server);
        }
        slowest = slowest.max(changed.elapsed());
        if round % 3 == 0 {
            pki.replace("web.yml", "basic_auth_users: {ann: $2b$");
            broken += 1;
        }
        while changed.elapsed() < PAUSE {
            scrapes.note(scrape(&new).await);
            scrapes.note(scrape(&with_token).await);
            memories.look(&server);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let total = format!(
        "{} of {} in {round} rotations, {broken} broken",
        scrapes.failed,
        scrapes.number()
    );
    table.note(
        "15",
        "failed scrapes with current credentials",
        total,
        scrapes.failed == 0,
    );
    let slowest = slowest.as_secs_f64();
    table.note(
        "15",
        "an old password is refused after its file changed, at most 1 s",
        format!("{slowest:.2} s"),
        slowest <= 1.0,
    );
    let settled = until(Duration::from_secs(10), || {
        server.descriptors() <= descriptors + 2
    })
    .await;
    table.note(
        "15",
        "descriptors at the beginning and the end",
        format!("{descriptors}, {}", server.descriptors()),
        settled.is_some(),
    );
    memories.note(table, length, server.rss().saturating_sub(memory));
    let page = ask(
        &connector,
        address,
        "/metrics?name[]=monitor_server_web_config_last_reload_successful",
        &with_token,
    )
    .await;
    let page = page.map(|answer| answer.text()).unwrap_or_default();
    let state = value(&page, "monitor_server_web_config_last_reload_successful");
    table.note(
        "15",
        "the metric of reloads is there",
        format!("{state:?}"),
        state.is_some(),
    );
}
