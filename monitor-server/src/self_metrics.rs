//! The server's own metrics: scrapes, the parts left out of their pages, connections, refused requests, wrong
//! credentials, and whether the files that protect the server are loaded.
//!
//! [`SelfMetrics`] belongs to one server. Its counts are atomic numbers that are only added to, or go up and down, and
//! exist, at zero, from the start. All accesses are `Relaxed`: a page may show one number from a moment before another.
//! An enum of label values ([`Cause`], [`Ending`], ..) is made by `label_values!`, so that a variant, its text and its
//! counter cannot come apart; [`SelfMetrics::families`] is the table of names and help texts.
//!
//! They are plain families, made by [`family`] for each page, not metrics of a storage: a storage lives as long as the
//! process, has built-in families that would have to be taken out again, and has no summaries. [`family`] builds all
//! families of this crate that come from no source.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use monitor_core::family::ChildValue::{self, Int, Summary};
use monitor_core::family::{Child, Family, FamilyType, Label, Labels};

use crate::access::RejectReason;
use crate::config::add_to_all;
use crate::runtime::lock;

/// The family that a merge can change while it is on the page.
const ERRORS: &str = "monitor_scrape_errors_total";

/// A table of families, two lines a row: the name and where the values come from, and the help text.
macro_rules! rows {
    ($($name:literal => $values:expr, $help:literal;)*) => {
        [$(($name, $help, $values)),*]
    };
}

pub(crate) use rows;

/// An enum whose variants are the values of a label.
macro_rules! label_values {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];
            pub(crate) const TEXTS: &[&'static str] = &[$($text,)*];
        }
    };
}

pub(crate) use label_values;

label_values! {
    /// Why something is missing from a page, or an answer was an error.
    Cause {
        /// A collector panicked: all of its source, a registry or itself, was left out.
        Source = "source",
        /// A source took longer to gather than it may, or still does so for an earlier page: all of it was left out.
        Overrun = "overrun",
        /// A source was not there at three quarters of the scrape's time: all of it was left out.
        Hurried = "hurried",
        /// A series that an earlier source has too, or that no page can hold, was left out.
        RepeatedSeries = "repeated_series",
        /// A family of another type than an earlier source's, or with an invalid name, was left out.
        Family = "family",
        /// The page could not be written, or a handler panicked: the answer was 500.
        Internal = "internal",
        /// The page was not ready within the scrape's time limit: the answer was 503.
        Timeout = "timeout",
        /// As many scrapes as may were waiting: the answer was 503.
        Busy = "busy",
    }
}

label_values! {
    /// How a connection ended. Those accepted are those open and those of all endings together.
    Ending {
        /// By its client or by the server, in order.
        Done = "done",
        /// Nothing was asked for as long as a connection may idle.
        Idle = "idle",
        /// The head of a request did not arrive in time.
        HeaderTimeout = "header_timeout",
        /// It lasted as long as a connection may: ended with its last answer, or cut off.
        Deadline = "deadline",
        /// The bytes that arrived were no HTTP request, or one without a path, or beyond the limits.
        Malformed = "malformed",
        /// The client went away, or its network did.
        Broken = "broken",
        /// Cut off for a newcomer before it asked for anything.
        EvictedWaiting = "evicted_waiting",
        /// Cut off for a newcomer because its client did not take an answer.
        EvictedStalled = "evicted_stalled",
        /// Cut off for a newcomer between two requests.
        EvictedIdle = "evicted_idle",
        /// Not served: no other connection could be cut off for it.
        Full = "full",
        /// Not served: its address is not among those allowed.
        Source = "source",
        /// The TLS handshake failed, or did not come to its end in time.
        Tls = "tls",
        /// The server stopped.
        Stopped = "stopped",
    }
}

label_values! {
    /// How credentials were presented.
    #[cfg_attr(not(feature = "auth"), allow(dead_code, reason = "no credentials are read"))]
    Scheme {
        Basic = "basic",
        Bearer = "bearer",
        /// In no way that is known here.
        Unusable = "unusable",
    }
}

/// The status codes that a scrape can be answered with.
const CODES: [StatusCode; 4] = [
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// A number on the page.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    fn subtract_one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// When a server's counts were at 0, in seconds since 1970: the moment this was made.
#[derive(Debug)]
struct StartTime(f64);

impl Default for StartTime {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(now.map_or(0.0, |since| since.as_secs_f64()))
    }
}

/// Metrics of one server.
#[derive(Debug, Default)]
pub(crate) struct SelfMetrics {
    started: StartTime,
    errors: [Count; Cause::ALL.len()],
    answers: [Count; CODES.len()],
    in_flight: Count,
    body_bytes: Count,
    renders: Count,
    render_nanoseconds: Count,
    pub(crate) connections: ConnectionMetrics,
    pub(crate) access: AccessMetrics,
    pub(crate) protection: ProtectionMetrics,
}

/// Counts of one server's connections.
#[derive(Debug, Default)]
pub(crate) struct ConnectionMetrics {
    /// Those that are served.
    pub(crate) open: Count,
    pub(crate) accepted: Count,
    /// Failures to accept, as at the limit of descriptors.
    pub(crate) failed: Count,
    closed: [Count; Ending::ALL.len()],
}

impl ConnectionMetrics {
    /// A connection that was served has ended.
    pub(crate) fn closed(&self, ending: Ending) {
        self.open.subtract_one();
        self.refused(ending);
    }

    /// An accepted connection is not served.
    pub(crate) fn refused(&self, ending: Ending) {
        self.closed[ending as usize].add(1);
    }

    #[cfg(test)]
    pub(crate) fn count(&self, ending: Ending) -> u64 {
        self.closed[ending as usize].value()
    }
}

/// Counts of requests that were refused, and of wrong credentials.
#[derive(Debug, Default)]
pub(crate) struct AccessMetrics {
    refused: [Count; RejectReason::ALL.len()],
    failures: [Count; Scheme::ALL.len()],
}

impl AccessMetrics {
    pub(crate) fn refused(&self, denial: RejectReason) {
        self.refused[denial as usize].add(1);
    }

    #[cfg_attr(
        not(feature = "auth"),
        allow(dead_code, reason = "no credentials are read")
    )]
    pub(crate) fn failed(&self, scheme: Scheme) {
        self.failures[scheme as usize].add(1);
    }
}

/// State of the files that protection is read from; `None` where there are none.
#[derive(Debug, Default)]
pub(crate) struct ProtectionMetrics(Mutex<Option<FilesState>>);

#[derive(Debug, Clone, Copy, Default)]
struct FilesState {
    is_current: bool,
    /// Seconds since 1970.
    last_success: u64,
    /// Seconds since 1970; `None` where there is no certificate.
    expiry: Option<u64>,
}

impl ProtectionMetrics {
    /// The files are in force; the certificate, if there is one, expires then.
    pub(crate) fn loaded(&self, expiry: Option<u64>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        *lock(&self.0) = Some(FilesState {
            is_current: true,
            last_success: now.map_or(0, |since| since.as_secs()),
            expiry,
        });
    }

    /// When the certificate expires, seconds since 1970, where there is one.
    pub(crate) fn expiry(&self) -> Option<u64> {
        lock(&self.0).and_then(|state| state.expiry)
    }

    /// The files are not in force.
    #[cfg_attr(not(feature = "yaml"), allow(dead_code, reason = "no files are read"))]
    pub(crate) fn failed(&self) {
        lock(&self.0).get_or_insert_default().is_current = false;
    }

    /// No families where there is nothing to load; the certificate's only where there is one.
    fn families(&self) -> impl Iterator<Item = Family> {
        let state = *lock(&self.0);
        let rows = state.into_iter().flat_map(|state| rows! {
            "monitor_server_web_config_last_reload_successful" => Some(u64::from(state.is_current)),
                "Whether the files that protect the monitor server are in force as they are now.";
            "monitor_server_web_config_last_reload_success_timestamp_seconds" => Some(state.last_success),
                "When the files that protect the monitor server were last loaded, in seconds since 1970.";
            "monitor_server_certificate_expiry_timestamp_seconds" => state.expiry,
                "When the monitor server's certificate expires, in seconds since 1970.";
        });
        rows.filter_map(|(name, help, value)| {
            Some(family(name, help, vec![child([], Int(value?))]))
        })
    }
}

/// A scrape that is being answered. Dropped without an answer, as when its client leaves, it counts nowhere; by a
/// panic, as a 500.
#[derive(Debug)]
pub(crate) struct Scrape<'m> {
    metrics: &'m SelfMetrics,
}

impl Scrape<'_> {
    /// It is answered so, with a body of this many bytes.
    pub(crate) fn answered(self, status: StatusCode, body: u64) {
        self.metrics.count_answer(status);
        self.metrics.body_bytes.add(body);
    }
}

impl Drop for Scrape<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.subtract_one();
        if std::thread::panicking() {
            self.metrics.count_answer(StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
}

impl SelfMetrics {
    pub(crate) fn count(&self, cause: Cause, by: u64) {
        self.errors[cause as usize].add(by);
    }

    #[cfg(test)]
    pub(crate) fn errors(&self, cause: Cause) -> u64 {
        self.errors[cause as usize].value()
    }

    /// A scrape begins.
    pub(crate) fn scrape(&self) -> Scrape<'_> {
        self.in_flight.add(1);
        Scrape { metrics: self }
    }

    fn count_answer(&self, status: StatusCode) {
        if let Some(at) = CODES.iter().position(|code| *code == status) {
            self.answers[at].add(1);
        }
    }

    /// Scrapes that were answered so far.
    pub(crate) fn scrapes(&self) -> u64 {
        self.answers.iter().map(Count::value).sum()
    }

    /// A render took this long, from the snapshot to the last byte.
    pub(crate) fn rendered(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.render_nanoseconds.add(nanoseconds);
        self.renders.add(1);
    }

    /// The families to merge with those of other sources; [`settle`](Self::settle) them afterwards.
    /// `page_bytes` are those of pages in memory.
    pub(crate) fn families(&self, page_bytes: usize) -> Vec<Family> {
        let (connections, access) = (&self.connections, &self.access);
        let one = |count: &Count| vec![child([], Int(count.value()))];
        let codes = CODES.each_ref().map(StatusCode::as_str);
        let render = Summary {
            quantiles: Vec::new(),
            sum: Duration::from_nanos(self.render_nanoseconds.value()).as_secs_f64(),
            count: self.renders.value(),
        };
        let rows = rows! {
            "monitor_scrapes_total" => by_texts("code", &codes, &self.answers),
                "Scrapes answered, by status code.";
            "monitor_scrapes_in_flight" => one(&self.in_flight),
                "Scrapes being answered, this one included.";
            "monitor_scrape_render_seconds" => vec![child([], render)],
                "Time to make the pages of one render, which all scrapes that wait for it share.";
            "monitor_scrape_body_bytes_total" => one(&self.body_bytes),
                "Bytes of scrapes' answers without their heads, as sent: compressed where they are.";
            "monitor_scrape_errors_total" => self.by_cause(),
                "Total number of things left out of a scrape, or scrapes that failed, by cause.";
            "monitor_scrape_page_bytes" => vec![child([], Int(page_bytes as u64))],
                "Bytes of pages in memory, those that clients have not taken yet included.";
            "monitor_server_connections" => one(&connections.open),
                "Connections to the monitor server that are open, this scrape's included.";
            "monitor_server_connections_accepted_total" => one(&connections.accepted),
                "Connections that the monitor server accepted.";
            "monitor_server_connections_closed_total" => by_texts("reason", Ending::TEXTS, &connections.closed),
                "Connections that the monitor server closed, by reason.";
            "monitor_server_accept_errors_total" => one(&connections.failed),
                "Failures to accept a connection, as at the limit of descriptors.";
            "monitor_server_requests_refused_total" => by_texts("reason", RejectReason::TEXTS, &access.refused),
                "Requests to the monitor server that were refused, by reason.";
            "monitor_server_auth_failures_total" => by_texts("scheme", Scheme::TEXTS, &access.failures),
                "Wrong credentials presented to the monitor server, by scheme.";
        };
        let mut families = rows.map(|(name, help, children)| family(name, help, children));
        let counting = families
            .iter_mut()
            .filter(|family| family.kind != FamilyType::Gauge);
        for child in counting.flat_map(|family| &mut family.children) {
            child.started = Some(self.started.0);
        }
        families
            .into_iter()
            .chain(self.protection.families())
            .collect()
    }

    fn by_cause(&self) -> Vec<Child> {
        by_texts("cause", Cause::TEXTS, &self.errors)
    }

    /// Brings the counters on a merged page up to date with the series and families that the merge itself left out;
    /// `common` are the labels that all of them have.
    pub(crate) fn settle(&self, page: &mut [Family], common: &[Label]) {
        let is_ours =
            |family: &&mut Family| family.name == ERRORS && family.kind == FamilyType::Counter;
        let Some(on_page) = page.iter_mut().find(is_ours) else {
            return;
        };
        let mut settled = [family(ERRORS, "", self.by_cause())];
        add_to_all(&mut settled, common);
        let [settled] = settled;
        for fresh in settled.children {
            let same = |old: &&mut Child| old.labels == fresh.labels;
            if let Some(old) = on_page.children.iter_mut().find(same) {
                old.value = fresh.value;
            }
        }
    }
}

/// The families that pages have of the server's own scrapes, connections and protection, in both naming profiles, as
/// they are at the start: counts at zero.
///
/// # Examples
///
/// ```
/// let families = monitor_server::scrape_families();
/// assert!(families.iter().any(|family| family.name == "monitor_scrapes_total"));
/// ```
pub fn scrape_families() -> Vec<Family> {
    let metrics = SelfMetrics::default();
    // As with a certificate, which not every server has.
    metrics.protection.loaded(Some(1));
    metrics.families(0)
}

/// A child for each value of a label.
fn by_texts(label: &'static str, texts: &[&str], counts: &[Count]) -> Vec<Child> {
    let counts = counts.iter().map(|count| Int(count.value()));
    let each = texts.iter().zip(counts);
    each.map(|(text, count)| child([self::label(label, *text)], count))
        .collect()
}

/// A family of the server's own. Type and unit follow from its name: a counter's ends in `_total`, and the unit stands
/// before that. Where a child is a summary the family is one, else it is a gauge.
pub(crate) fn family(name: &'static str, help: &'static str, children: Vec<Child>) -> Family {
    let base = name.strip_suffix("_total");
    let is_summary = |child: &Child| matches!(child.value, Summary { .. });
    let kind = match children.first() {
        _ if base.is_some() => FamilyType::Counter,
        Some(first) if is_summary(first) => FamilyType::Summary,
        _ => FamilyType::Gauge,
    };
    let has_unit = |unit: &&str| base.unwrap_or(name).ends_with(unit);
    let unit = ["_seconds", "_bytes"].into_iter().find(has_unit);
    Family {
        name: name.into(),
        help: help.into(),
        kind,
        unit: unit.map(|unit| &unit[1..]),
        children,
    }
}

pub(crate) fn child(labels: impl Into<Labels>, value: ChildValue) -> Child {
    Child::new(labels, value)
}

pub(crate) fn label(name: &'static str, value: impl Into<Arc<str>>) -> Label {
    Label {
        name: name.into(),
        value: value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ending_has_its_own_counter_and_name() {
        let metrics = ConnectionMetrics::default();
        for (index, ending) in Ending::ALL.iter().enumerate() {
            assert_eq!(*ending as usize, index);
            metrics.refused(*ending);
            assert_eq!(metrics.count(*ending), 1);
        }
        let names: std::collections::BTreeSet<_> = Ending::TEXTS.iter().collect();
        assert_eq!(names.len(), Ending::ALL.len());
    }
}
