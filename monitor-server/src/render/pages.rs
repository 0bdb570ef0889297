//! Pages: written, kept, and counted for as long as anything holds them.
//!
//! [`PageWriter`] turns the families of one render into bytes; [`HeldPages::hold`] makes these shared bytes that count
//! as memory until the last holder, a render, [`KeptPages`] or a connection whose client reads slowly, lets them go.
//! Scrapes that arrive together share a page. Clients that come one after the other and read nothing hold one each for
//! as long as a connection may last: the number of connections bounds how many pages these are, and nothing how large;
//! so the listener waits for [`HeldPages::too_many`], and cuts such clients off.

use std::iter::once;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use monitor_core::collector::{Page, merge};
use monitor_core::family::{Child, Family, Label};
use monitor_core::snapshot::Snapshot;
use tokio::sync::Notify;

use super::{PageRequest, Renderer};
use crate::self_metrics::Cause;

/// How old the state on a page may be when a scrape arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ages {
    /// On a page that is sent as it is.
    pub(crate) identity: Duration,
    /// On a page that was compressed, which costs as much as all the rest.
    pub(crate) gzip: Duration,
}

impl Ages {
    pub(super) fn of(self, request: &PageRequest) -> Duration {
        if request.gzip {
            self.gzip
        } else {
            self.identity
        }
    }

    /// Whether a state may be shown to a scrape that arrived then.
    pub(super) fn allow(self, request: &PageRequest, state: Instant, arrived: Instant) -> bool {
        arrived.saturating_duration_since(state) <= self.of(request)
    }
}

/// Whole pages kept while they are young enough for a later scrape: one for each format and encoding, so never more
/// than six.
#[derive(Debug, Default)]
pub(super) struct KeptPages(Vec<KeptPage>);

#[derive(Debug)]
struct KeptPage {
    request: PageRequest,
    /// From when the page's state is, at the earliest.
    state: Instant,
    page: Bytes,
}

impl KeptPages {
    /// The page, if it may be shown to a scrape that arrived then.
    pub(super) fn find(
        &self,
        request: &PageRequest,
        arrived: Instant,
        ages: Ages,
    ) -> Option<Bytes> {
        let suits =
            |kept: &&KeptPage| kept.request == *request && ages.allow(request, kept.state, arrived);
        self.0.iter().find(suits).map(|kept| kept.page.clone())
    }

    /// Keeps a page, unless it is of no use to a later scrape or of a kind that clients can make any number of. Returns
    /// when it is too old.
    pub(super) fn keep(
        &mut self,
        request: &PageRequest,
        state: Instant,
        page: &Bytes,
        ages: Ages,
    ) -> Option<Instant> {
        if request.names.is_some() || request.dots || ages.of(request).is_zero() {
            return None;
        }
        self.0.retain(|kept| kept.request != *request);
        self.0.push(KeptPage {
            request: request.clone(),
            state,
            page: page.clone(),
        });
        // A moment later, so that the page is too old by then.
        Some(state + ages.of(request) + Duration::from_millis(1))
    }

    /// Drops the pages that are too old for a scrape that arrives from now on.
    pub(super) fn drop_stale(&mut self, now: Instant, ages: Ages) {
        self.0
            .retain(|kept| ages.allow(&kept.request, kept.state, now));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// However large pages are, so many may be there.
const PAGES: usize = 4;

/// Pages that are in memory. `Relaxed` throughout: a number to be looked at, which publishes nothing.
#[derive(Debug, Default)]
pub(crate) struct HeldPages {
    bytes: AtomicUsize,
    /// Of the largest page yet.
    largest: AtomicUsize,
    /// At most so many bytes; zero is no limit.
    most: usize,
    grown: Notify,
}

impl HeldPages {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// A page that counts until its last holder lets it go. Room that it does not need is given back.
    pub(super) fn hold(self: &Arc<Self>, mut page: Vec<u8>) -> Bytes {
        page.shrink_to_fit();
        let size = page.capacity();
        self.largest.fetch_max(size, Ordering::Relaxed);
        self.bytes.fetch_add(size, Ordering::Relaxed);
        self.grown.notify_one();
        Bytes::from_owner(HeldPage {
            page,
            all: Arc::clone(self),
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn are_too_many(&self) -> bool {
        let largest = self.largest.load(Ordering::Relaxed);
        let most = self.most.max(largest.saturating_mul(PAGES));
        self.most != 0 && self.bytes() > most
    }

    /// Waits until they take more than they may. For one task at a time.
    pub(crate) async fn too_many(&self) {
        while !self.are_too_many() {
            self.grown.notified().await;
        }
    }
}

struct HeldPage {
    page: Vec<u8>,
    all: Arc<HeldPages>,
}

impl AsRef<[u8]> for HeldPage {
    fn as_ref(&self) -> &[u8] {
        &self.page
    }
}

impl Drop for HeldPage {
    fn drop(&mut self) {
        self.all
            .bytes
            .fetch_sub(self.page.capacity(), Ordering::Relaxed);
    }
}

/// Writes the pages of one render: from one snapshot, and the families beside it.
#[derive(Debug)]
pub(super) struct PageWriter<'e> {
    plain: Page<'e>,
    /// The same under the escaping scheme `dots`, where a scrape asks for it.
    dotted: Option<Page<'e>>,
}

impl<'e> PageWriter<'e> {
    /// Counts the series and families that the pages go without.
    pub(super) fn new(
        renderer: &'e Renderer,
        snapshot: Snapshot,
        beside: Vec<Vec<Family>>,
        dotted: bool,
    ) -> Self {
        let (exporter, metrics) = (&renderer.exporter, &renderer.metrics);
        let common = snapshot.const_labels.clone();
        let sources = dotted.then(|| {
            let storage = exporter.families(&snapshot);
            once(storage).chain(beside.clone()).collect()
        });
        let mut plain = Page::new(exporter, snapshot, beside);
        renderer.count_left_out(&plain.merged);
        metrics.settle(&mut plain.merged.families, &common);
        let dotted = sources.map(|sources| {
            let mut merged = merge(sources);
            let names = leave_out_names(&mut merged.families);
            metrics.count(Cause::RepeatedSeries, names);
            metrics.settle(&mut merged.families, &common);
            merged.families.iter_mut().for_each(double_underscores);
            Page::of(merged)
        });
        Self { plain, dotted }
    }

    /// Families that the page goes without.
    pub(super) fn dropped_families(&self) -> u64 {
        self.plain.merged.dropped_families
    }

    pub(super) fn write(&self, request: &PageRequest) -> Vec<u8> {
        let names = request.names.iter().flat_map(|names| names.iter());
        let names: Vec<&str> = names.map(String::as_str).collect();
        let dotted = self.dotted.as_ref().filter(|_| request.dots);
        let from = dotted.unwrap_or(&self.plain);
        #[cfg(feature = "gzip")]
        if request.gzip {
            return compressed(from, &names, request);
        }
        let mut page = Vec::new();
        from.encode(&names, request.format, &mut page);
        page
    }
}

/// A page compressed, part by part as it is written: a large one then never is in memory whole.
///
/// Fastest level. A page of 100,000 lines (6.6 MiB) takes 5.3 ms and comes out at 6.3 %; level 2 takes 2.2 times as
/// long for 5.6 %, level 6, the default, 7 times as long for 4.5 %. The backend is flate2's own (`miniz_oxide`, no
/// unsafe code): `zlib-rs` takes 4.7 ms on its fastest level, for 8.2 %.
///
/// # Panics
///
/// Never: writing to memory does not fail.
#[cfg(feature = "gzip")]
fn compressed(from: &Page<'_>, names: &[&str], request: &PageRequest) -> Vec<u8> {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    from.encode_in_parts(names, request.format, |part| {
        encoder
            .write_all(part)
            .expect("writing to a vector does not fail");
    });
    let page = encoder.finish();
    page.expect("writing to a vector does not fail")
}

/// Takes out the series that would have a label `__name__` under the escaping scheme `dots`, for which Prometheus would
/// refuse the whole page; returns how many these were.
fn leave_out_names(families: &mut Vec<Family>) -> u64 {
    let mut left_out = 0;
    families.retain_mut(|family| {
        let before = family.children.len();
        let is_fine = |child: &Child| child.labels.iter().all(|label| label.name != "_name_");
        family.children.retain(is_fine);
        left_out += (before - family.children.len()) as u64;
        !family.children.is_empty()
    });
    left_out
}

/// Puts a family under the escaping scheme `dots`, which doubles the underscores of every name, so that `_dot_` can
/// stand for a dot. The endings of derived samples (`_bucket`, `_sum`, `_count`) are added afterwards, and stay single.
fn double_underscores(family: &mut Family) {
    let doubled = |name: &str| name.replace('_', "__").into();
    family.name = doubled(&family.name);
    for child in &mut family.children {
        let label = |label: &Label| Label {
            name: doubled(&label.name),
            value: Arc::clone(&label.value),
        };
        child.labels = child.labels.iter().map(label).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_until_its_last_holder_lets_it_go() {
        let pages = Arc::new(HeldPages::new(100));
        let page = pages.hold(vec![7; 60]);
        let (part, whole) = (page.slice(10..20), page.clone());
        assert_eq!((pages.bytes(), &part[..]), (60, &[7; 10][..]));
        drop((page, whole));
        assert_eq!(pages.bytes(), 60);
        drop(part);
        assert_eq!(pages.bytes(), 0);
    }

    #[tokio::test]
    async fn too_many_are_more_than_may_be_and_than_some_of_the_largest() {
        let is_too_much = async |pages: &HeldPages| {
            let soon = Duration::from_millis(1);
            tokio::time::timeout(soon, pages.too_many()).await.is_ok()
        };
        for (most, size, number) in [(100, 10, 11), (20, 10, 5), (0, 10, 50)] {
            let pages = Arc::new(HeldPages::new(most));
            let mut held: Vec<Bytes> = (1..number).map(|_| pages.hold(vec![7; size])).collect();
            assert!(!is_too_much(&pages).await, "{most}");
            held.push(pages.hold(vec![7; size]));
            assert_eq!(is_too_much(&pages).await, most != 0, "{most}");
            held.pop();
            assert!(!is_too_much(&pages).await, "{most}");
        }
    }
}
