//! The server's own metrics: how scrapes went, what had to be left out of them, and what became of connections.
//!
//! They exist, at zero, from the start; they are on the pages that a server serves, not among the storage's own families.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use monitor_core::family::{Child, ChildValue, Family, FamilyType, Label};

use self::access::AccessMetrics;
use self::connections::ConnectionMetrics;
use self::protection::ProtectionMetrics;
use crate::labels;

pub(crate) mod access;
pub(crate) mod connections;
mod protection;

/// The family that a merge can change while it is on the page.
const ERRORS: &str = "monitor_scrape_errors_total";

/// Why something is missing from a page, or an answer was an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A collector panicked: all of its source, a registry or itself, was left out.
    Source,
    /// A source took longer to gather than it may, or still does so for an earlier page: all of it was left out.
    Overrun,
    /// A source was not there at three quarters of the scrape's time: all of it was left out.
    Hurried,
    /// A series that an earlier source has too, or that no page can hold, was left out.
    RepeatedSeries,
    /// A family of another type than an earlier source's, or with an invalid name, was left out.
    Family,
    /// The page could not be written, or a handler panicked: the answer was 500.
    Internal,
    /// The page was not ready within the scrape's time limit: the answer was 503.
    Timeout,
    /// As many scrapes as may were waiting: the answer was 503.
    Busy,
}

impl Cause {
    const ALL: [Self; 8] = [
        Self::Source,
        Self::Overrun,
        Self::Hurried,
        Self::RepeatedSeries,
        Self::Family,
        Self::Internal,
        Self::Timeout,
        Self::Busy,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Overrun => "overrun",
            Self::Hurried => "hurried",
            Self::RepeatedSeries => "repeated_series",
            Self::Family => "family",
            Self::Internal => "internal",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
        }
    }
}

/// What a scrape can be answered.
const CODES: [StatusCode; 4] = [
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// Metrics of one server. `Relaxed` throughout: each is only ever added to, or up and down, and read for display.
#[derive(Debug, Default)]
pub(crate) struct SelfMetrics {
    errors: [AtomicU64; Cause::ALL.len()],
    answers: [AtomicU64; CODES.len()],
    in_flight: AtomicU64,
    body_bytes: AtomicU64,
    renders: AtomicU64,
    render_nanoseconds: AtomicU64,
    pub(crate) connections: ConnectionMetrics,
    pub(crate) access: AccessMetrics,
    pub(crate) protection: ProtectionMetrics,
}

/// A scrape that is being answered. Dropped without an answer, as when its client leaves, it counts nowhere; by a panic, as a
/// 500.
#[derive(Debug)]
pub(crate) struct Scrape<'m> {
    metrics: &'m SelfMetrics,
}

impl Scrape<'_> {
    /// It is answered so, with a body of this many bytes.
    pub(crate) fn answered(self, status: StatusCode, body: u64) {
        self.metrics.count_answer(status);
        self.metrics.body_bytes.fetch_add(body, Ordering::Relaxed);
    }
}

impl Drop for Scrape<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        if std::thread::panicking() {
            self.metrics.count_answer(StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
}

impl SelfMetrics {
    pub(crate) fn count(&self, cause: Cause, by: u64) {
        self.errors[cause as usize].fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn errors(&self, cause: Cause) -> u64 {
        self.errors[cause as usize].load(Ordering::Relaxed)
    }

    /// A scrape begins.
    pub(crate) fn scrape(&self) -> Scrape<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Scrape { metrics: self }
    }

    fn count_answer(&self, status: StatusCode) {
        if let Some(at) = CODES.iter().position(|code| *code == status) {
            self.answers[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A render took this long, from the snapshot to the last byte.
    pub(crate) fn rendered(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.render_nanoseconds
            .fetch_add(nanoseconds, Ordering::Relaxed);
        self.renders.fetch_add(1, Ordering::Relaxed);
    }

    /// The families to merge with those of other sources; [`settle`](Self::settle) them afterwards.
    /// `page_bytes` are those of pages in memory.
    pub(crate) fn families(&self, page_bytes: usize) -> Vec<Family> {
        let mut families = vec![
            self.scrapes(),
            family(
                "monitor_scrapes_in_flight",
                "Scrapes being answered, this one included.",
                FamilyType::Gauge,
                vec![child(None, int(&self.in_flight))],
            ),
            self.render_seconds(),
            Family {
                unit: Some("bytes"),
                ..family(
                    "monitor_scrape_body_bytes_total",
                    "Bytes of scrapes' answers without their heads, as sent: compressed where they are.",
                    FamilyType::Counter,
                    vec![child(None, int(&self.body_bytes))],
                )
            },
            self.errors_by_cause(),
            held(page_bytes),
        ];
        families.extend(self.connections.families());
        families.extend(self.access.families());
        families.extend(self.protection.families());
        families
    }

    fn scrapes(&self) -> Family {
        let answers = CODES.iter().zip(&self.answers);
        family(
            "monitor_scrapes_total",
            "Scrapes answered, by status code.",
            FamilyType::Counter,
            answers
                .map(|(code, count)| child(Some(("code", code.as_str())), int(count)))
                .collect(),
        )
    }

    fn render_seconds(&self) -> Family {
        let count = self.renders.load(Ordering::Relaxed);
        let nanoseconds = self.render_nanoseconds.load(Ordering::Relaxed);
        let summary = ChildValue::Summary {
            quantiles: Vec::new(),
            sum: Duration::from_nanos(nanoseconds).as_secs_f64(),
            count,
        };
        Family {
            unit: Some("seconds"),
            ..family(
                "monitor_scrape_render_seconds",
                "Time to make the pages of one render, which all scrapes that wait for it share.",
                FamilyType::Summary,
                vec![child(None, summary)],
            )
        }
    }

    fn errors_by_cause(&self) -> Family {
        let by_cause = |cause: &Cause| {
            let count = ChildValue::Int(self.errors(*cause));
            child(Some(("cause", cause.name())), count)
        };
        family(
            ERRORS,
            "Total number of things left out of a scrape, or scrapes that failed, by cause.",
            FamilyType::Counter,
            Cause::ALL.iter().map(by_cause).collect(),
        )
    }

    /// Brings the counters on a merged page up to date with what the merge itself left out; `common` are the labels that all
    /// of them have.
    pub(crate) fn settle(&self, page: &mut [Family], common: &[Label]) {
        let is_ours =
            |family: &&mut Family| family.name == ERRORS && family.kind == FamilyType::Counter;
        let Some(family) = page.iter_mut().find(is_ours) else {
            return;
        };
        let mut settled = [self.errors_by_cause()];
        labels::add_to_all(&mut settled, common);
        let [settled] = settled;
        for fresh in settled.children {
            let same = |old: &&mut Child| old.labels == fresh.labels;
            if let Some(old) = family.children.iter_mut().find(same) {
                old.value = fresh.value;
            }
        }
    }
}

/// The families that pages have of the server's own scrapes, connections and protection, in both naming profiles, as they are
/// at the start: counts at zero.
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

/// What pages take of the memory, this one not counted.
fn held(page_bytes: usize) -> Family {
    let bytes = ChildValue::Int(page_bytes as u64);
    Family {
        unit: Some("bytes"),
        ..family(
            "monitor_scrape_page_bytes",
            "Bytes of pages in memory, those that clients have not taken yet included.",
            FamilyType::Gauge,
            vec![child(None, bytes)],
        )
    }
}

fn int(count: &AtomicU64) -> ChildValue {
    ChildValue::Int(count.load(Ordering::Relaxed))
}

fn family(
    name: &'static str,
    help: &'static str,
    kind: FamilyType,
    children: Vec<Child>,
) -> Family {
    Family {
        name: name.into(),
        help: help.into(),
        kind,
        unit: None,
        children,
    }
}

fn child(label: Option<(&'static str, &str)>, value: ChildValue) -> Child {
    let label = label.map(|(name, value)| Label {
        name: name.into(),
        value: Arc::from(value),
    });
    Child {
        labels: label.into_iter().collect(),
        value,
    }
}
