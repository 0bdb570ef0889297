//! The server's own counters: what a scrape had to leave out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use monitor_core::family::{Child, ChildValue, Family, FamilyType, Label, Labels};

/// The one family there is.
const FAMILY: &str = "monitor_scrape_errors_total";

/// Why something is missing from a page, or an answer was an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A registry's collector panicked: all of that registry was left out.
    Source,
    /// A registry took longer to gather than it may, or still does so for an earlier page: all of it was left out.
    Overrun,
    /// A series that an earlier source has too was left out.
    RepeatedSeries,
    /// A family of another type than an earlier source's, or with an invalid name, was left out.
    Family,
    /// The page could not be written, or a handler panicked: the answer was 500.
    Internal,
}

impl Cause {
    const ALL: [Self; 5] = [
        Self::Source,
        Self::Overrun,
        Self::RepeatedSeries,
        Self::Family,
        Self::Internal,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Overrun => "overrun",
            Self::RepeatedSeries => "repeated_series",
            Self::Family => "family",
            Self::Internal => "internal",
        }
    }
}

/// Counters of one server. `Relaxed` throughout: each is only ever added to, and read for display.
#[derive(Debug, Default)]
pub(crate) struct SelfMetrics {
    errors: [AtomicU64; Cause::ALL.len()],
}

impl SelfMetrics {
    pub(crate) fn count(&self, cause: Cause, by: u64) {
        self.errors[cause as usize].fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn errors(&self, cause: Cause) -> u64 {
        self.errors[cause as usize].load(Ordering::Relaxed)
    }

    /// The families to merge with those of other sources; [`settle`](Self::settle) them afterwards.
    pub(crate) fn families(&self) -> Vec<Family> {
        let child = |cause: &Cause| Child {
            labels: labels(*cause),
            value: ChildValue::Int(self.errors(*cause)),
        };
        vec![Family {
            name: FAMILY.into(),
            help: "Total number of things left out of a scrape, or scrapes that failed, by cause."
                .into(),
            kind: FamilyType::Counter,
            unit: None,
            children: Cause::ALL.iter().map(child).collect(),
        }]
    }

    /// Brings the counters on a merged page up to date with what the merge itself left out. While nothing ever went wrong
    /// they are taken off it, so that a sound page holds the service's metrics alone.
    pub(crate) fn settle(&self, page: &mut Vec<Family>) {
        let is_ours = |family: &Family| family.name == FAMILY && family.kind == FamilyType::Counter;
        let Some(at) = page.iter().position(is_ours) else {
            return;
        };
        let sound = Cause::ALL.iter().all(|cause| self.errors(*cause) == 0);
        let children = &mut page[at].children;
        for cause in Cause::ALL {
            let labels = labels(cause);
            if sound {
                children.retain(|child| child.labels != labels);
            } else if let Some(child) = children.iter_mut().find(|child| child.labels == labels) {
                child.value = ChildValue::Int(self.errors(cause));
            }
        }
        if children.is_empty() {
            page.remove(at);
        }
    }
}

fn labels(cause: Cause) -> Labels {
    let label = Label {
        name: "cause".into(),
        value: Arc::from(cause.name()),
    };
    [label].into()
}
