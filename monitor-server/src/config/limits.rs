//! Limits of the server: resources for one client or source, and times.

use std::time::Duration;

use super::setting::{At, MAX_SECONDS, Result, settings};

/// Limits on the resources that connections, registries and collectors take. Each field says its default, unit, and the
/// meaning of zero.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use monitor_server::{Limits, MonitorConfig};
///
/// let limits = Limits::default().max_connections(64).stop_grace(Duration::from_secs(1));
/// let config = MonitorConfig::default().limits(limits);
/// # drop(config);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections held at once. Default 256; 0 is no limit. A further one takes the place of one that is not being
    /// answered, of the address that holds most: of the oldest that has not asked for anything yet, else of the
    /// oldest that has not taken its answer for 2 s, else of the oldest that idles. Where all are being answered it
    /// is closed.
    pub max_connections: usize,
    /// How long a client may take to send a request's head, and how long a connection may idle between requests.
    /// Default 5 s; 0 is no limit. In YAML seconds, fractions allowed.
    pub header_timeout: Duration,
    /// How long a connection may last. Default 60 s; 0 is no limit. In YAML seconds, fractions allowed. The answer
    /// that is under way then is the connection's last, with `Connection: close`, and has
    /// [`scrape_timeout`](Self::scrape_timeout) (where that is 0, as long again) to come to its end; a client that
    /// takes nothing of it for 2 s is cut off, and a connection that idles for 1 s is closed.
    pub connection_timeout: Duration,
    /// Bytes of a request's head. Default 16384; at least 8192. Beyond it the answer is 431.
    pub max_header_bytes: usize,
    /// Header lines of a request. Default 64; at least 1, at most 1024. Beyond it the answer is 431.
    pub max_headers: usize,
    /// How long `shutdown` waits for requests being answered. Default 5 s; 0 cuts them off at once. In YAML
    /// seconds, fractions allowed.
    pub stop_grace: Duration,
    /// How long a registry, or a collector, may take to be gathered for a page. Default 5 s; 0 is no limit, so that
    /// a collector that hangs holds each page for as long as its scrape may take. In YAML seconds, fractions
    /// allowed. Beyond it the page is served without that source, which is counted as
    /// `monitor_scrape_errors_total{cause="overrun"}`, and it is skipped until that gather returns: it is not
    /// stopped.
    pub gather_timeout: Duration,
    /// How long a scrape may take, from its arrival to the page. Default 30 s; 0 is no limit. In YAML seconds,
    /// fractions allowed. Less where the scraper says so: of its `X-Prometheus-Scrape-Timeout-Seconds` a twentieth,
    /// at least 50 ms, is kept back for the way (of a limit below 0.1 s, half). Registries that are not there after
    /// three quarters of the time are left out, so that the rest of the page arrives. Beyond it the answer is 503.
    pub scrape_timeout: Duration,
    /// Scrapes that wait for a page at once. Default 64; 0 is no limit. A further one is answered 503.
    pub max_scrapes: usize,
    /// Bytes of pages in memory, those that clients have not taken yet included. Default 64 MiB, and however large
    /// pages are four of them; 0 is no limit. Beyond it connections whose clients have taken nothing for 0.02 s are
    /// cut off, of the address that holds most the one that has taken nothing for longest.
    pub max_page_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 256,
            header_timeout: Duration::from_secs(5),
            connection_timeout: Duration::from_secs(60),
            max_header_bytes: 16 * 1024,
            max_headers: 64,
            stop_grace: Duration::from_secs(5),
            gather_timeout: Duration::from_secs(5),
            scrape_timeout: Duration::from_secs(30),
            max_scrapes: 64,
            max_page_bytes: 64 << 20,
        }
    }
}

settings! {Limits, on Limits () {
    /// Sets [`max_connections`](Self::max_connections).
    "max_connections" => max_connections, fn max_connections(most: usize);
    /// Sets [`header_timeout`](Self::header_timeout).
    "header_timeout" => header_timeout, fn header_timeout(timeout: Duration);
    /// Sets [`connection_timeout`](Self::connection_timeout).
    "connection_timeout" => connection_timeout, fn connection_timeout(timeout: Duration);
    /// Sets [`max_header_bytes`](Self::max_header_bytes).
    "max_header_bytes" => max_header_bytes, fn max_header_bytes(most: usize);
    /// Sets [`max_headers`](Self::max_headers).
    "max_headers" => max_headers, fn max_headers(most: usize);
    /// Sets [`stop_grace`](Self::stop_grace).
    "stop_grace" => stop_grace, fn stop_grace(grace: Duration);
    /// Sets [`gather_timeout`](Self::gather_timeout).
    "gather_timeout" => gather_timeout, fn gather_timeout(timeout: Duration);
    /// Sets [`scrape_timeout`](Self::scrape_timeout).
    "scrape_timeout" => scrape_timeout, fn scrape_timeout(timeout: Duration);
    /// Sets [`max_scrapes`](Self::max_scrapes).
    "max_scrapes" => max_scrapes, fn max_scrapes(most: usize);
    /// Sets [`max_page_bytes`](Self::max_page_bytes).
    "max_page_bytes" => max_page_bytes, fn max_page_bytes(most: usize);
}}

/// Smallest buffer the HTTP library accepts.
const MIN_HEADER_BYTES: usize = 8192;

/// More header lines than any scraper sends; each takes memory for every request.
const MAX_HEADERS: usize = 1024;

impl Limits {
    /// An error for a value that the HTTP library would panic at, or that cannot be added to the clock.
    pub(super) fn validate(&self, at: &At<'_>) -> Result {
        for (key, time) in [
            ("header_timeout", self.header_timeout),
            ("connection_timeout", self.connection_timeout),
            ("stop_grace", self.stop_grace),
            ("gather_timeout", self.gather_timeout),
            ("scrape_timeout", self.scrape_timeout),
        ] {
            let seconds = time.as_secs_f64();
            let (at, expected) = (at.key(key), "at most 1000000000 seconds");
            at.require_range(seconds <= MAX_SECONDS, expected, &seconds)?;
        }
        let (bytes, lines) = (self.max_header_bytes, self.max_headers);
        let (at_bytes, expected) = (at.key("max_header_bytes"), "a whole number, 8192 or more");
        at_bytes.require_range(bytes >= MIN_HEADER_BYTES, expected, &bytes)?;
        let (at_lines, expected) = (at.key("max_headers"), "a whole number from 1 to 1024");
        at_lines.require_range((1..=MAX_HEADERS).contains(&lines), expected, &lines)
    }
}
