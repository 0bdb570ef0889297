//! How much memory pages take, whoever holds them: renders, the cache, connections whose clients read slowly or not at all.
//!
//! Scrapes that arrive together share a page. Clients that come one after the other and read nothing hold one each, for as long
//! as a connection may last: the number of connections bounds how many pages these are, and nothing how large.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::Notify;

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

    /// A page that counts until the last one who holds it lets it go.
    pub(super) fn hold(self: &Arc<Self>, page: Vec<u8>) -> Bytes {
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

    /// Waits until they take more than they may. For one who waits at a time.
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
            let soon = std::time::Duration::from_millis(1);
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
