//! Whole pages kept for as long as they are young enough for somebody: one for each format and encoding.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Wanted;

/// How old the state on a page may be when a scrape arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ages {
    /// On a page that is sent as it is.
    pub(crate) identity: Duration,
    /// On a page that was compressed, which costs as much as all the rest.
    pub(crate) gzip: Duration,
}

impl Ages {
    pub(crate) fn of(self, wanted: &Wanted) -> Duration {
        if wanted.gzip {
            self.gzip
        } else {
            self.identity
        }
    }

    /// Whether a state may be shown to a scrape that arrived then.
    pub(crate) fn allow(self, wanted: &Wanted, state: Instant, arrived: Instant) -> bool {
        arrived.saturating_duration_since(state) <= self.of(wanted)
    }
}

/// Two formats, each plain and compressed: never more than four pages.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pages: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    wanted: Wanted,
    /// From when the page's state is, at the earliest.
    state: Instant,
    page: Bytes,
}

impl Cache {
    /// The page, if it may be shown to a scrape that arrived then.
    pub(super) fn find(&self, wanted: &Wanted, arrived: Instant, ages: Ages) -> Option<Bytes> {
        let young =
            |kept: &&Kept| kept.wanted == *wanted && ages.allow(wanted, kept.state, arrived);
        self.pages.iter().find(young).map(|kept| kept.page.clone())
    }

    /// Keeps a page, unless it is of no use to a later scrape or of a kind that clients can make any number of.
    pub(super) fn keep(&mut self, wanted: &Wanted, state: Instant, page: &Bytes, ages: Ages) {
        if wanted.names.is_some() || wanted.dots || ages.of(wanted).is_zero() {
            return;
        }
        self.pages.retain(|kept| kept.wanted != *wanted);
        self.pages.push(Kept {
            wanted: wanted.clone(),
            state,
            page: page.clone(),
        });
    }

    /// Drops what is too old for whoever arrives from now on; says when to look again, `None` with nothing left.
    pub(super) fn drop_stale(&mut self, now: Instant, ages: Ages) -> Option<Instant> {
        self.pages
            .retain(|kept| ages.allow(&kept.wanted, kept.state, now));
        let end = |kept: &Kept| kept.state + ages.of(&kept.wanted);
        // A moment later, so that the page is too old by then.
        self.pages
            .iter()
            .map(end)
            .min()
            .map(|end| end + Duration::from_millis(1))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }
}
