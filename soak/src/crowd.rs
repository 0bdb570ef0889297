//! Many clients at once, and what their waiting came to.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::http;

/// Smallest page that is taken for a whole one of the reference load.
const LEAST_BYTES: usize = 500_000;

/// How some scrapes went.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    took: Vec<Duration>,
    pub(crate) failed: usize,
}

impl Waits {
    pub(crate) fn add(&mut self, took: Option<Duration>) {
        match took {
            Some(took) => self.took.push(took),
            None => self.failed += 1,
        }
    }

    pub(crate) fn all(&self) -> usize {
        self.took.len() + self.failed
    }

    /// The wait that so many of a hundred do not exceed.
    pub(crate) fn percentile(&mut self, percent: usize) -> Duration {
        self.took.sort_unstable();
        let at = (self.took.len() * percent / 100).min(self.took.len().saturating_sub(1));
        self.took.get(at).copied().unwrap_or(Duration::MAX)
    }
}

/// The time of one scrape, if it was whole.
pub(crate) async fn scraped(server: SocketAddr) -> Option<Duration> {
    let answer = http::scrape(server).await.ok()?;
    let is_whole = answer.status == 200 && answer.body.len() > LEAST_BYTES;
    is_whole.then_some(answer.took)
}

/// So many scrapes, one after the other.
pub(crate) async fn scrapes(server: SocketAddr, count: usize) -> Waits {
    let mut waits = Waits::default();
    for _ in 0..count {
        waits.add(scraped(server).await);
        sleep(Duration::from_millis(10)).await;
    }
    waits
}

/// Clients that run until they are dropped.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Vec<JoinHandle<()>>);

impl Crowd {
    /// Starts clients of one kind.
    pub(crate) fn start<F>(&mut self, count: usize, client: impl Fn() -> F)
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        for _ in 0..count {
            let client = client();
            // What ends a client is the server's business, and shows there.
            self.0.push(tokio::spawn(async { drop(client.await) }));
        }
    }

    /// Waits until all have ended by themselves.
    pub(crate) async fn ended(mut self) {
        for client in std::mem::take(&mut self.0) {
            drop(client.await);
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_succeeded() {
        let mut waits = Waits::default();
        assert_eq!(waits.percentile(50), Duration::MAX);
        for millis in (0..100).rev() {
            waits.add(Some(Duration::from_millis(millis)));
        }
        waits.add(None);
        assert_eq!((waits.all(), waits.failed), (101, 1));
        assert_eq!(waits.percentile(50), Duration::from_millis(50));
        assert_eq!(waits.percentile(99), Duration::from_millis(99));
        assert_eq!(waits.percentile(100), Duration::from_millis(99));
    }
}
