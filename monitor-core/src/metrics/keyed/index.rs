//! Entries found by hash: a trie for those that stay, and a map behind a lock for what comes once too many have gone.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::base::sync::{AtomicU64, Ordering, RwLock, read, write};

use super::trie::{Node, Trie};

/// A concurrent map whose entries may be taken away.
///
/// Nothing ever leaves the trie, whose readers take no lock: what is taken away there only counts as gone, and its owner
/// may bring it back. So that keys may come and go for ever, new ones go to the map instead once `GONE_LIMIT` entries of
/// the trie are gone: a look-up there takes a lock for reading, and an entry that is taken away is freed with its last
/// holder. Memory is bounded by the most entries that ever were there at once and `GONE_LIMIT` more.
#[derive(Debug)]
pub(super) struct Index<E> {
    kept: Trie<E>,
    side: RwLock<Side<E>>,
    /// How many entries `side` has: none in most programs, which then never take its lock.
    in_side: AtomicU64,
}

type Side<E> = HashMap<u64, Vec<Arc<Node<E>>>>;

/// Entries of the trie that may be gone before new ones go to the map.
#[cfg(not(all(test, monitor_loom)))]
pub(super) const GONE_LIMIT: usize = 4096;
/// In models: so that one removal is enough.
#[cfg(all(test, monitor_loom))]
pub(super) const GONE_LIMIT: usize = 1;

/// An entry that was found.
#[derive(Debug)]
pub(super) enum Found<'a, E> {
    Kept(&'a Arc<Node<E>>),
    Side(Arc<Node<E>>),
}

impl<E> Deref for Found<'_, E> {
    type Target = Arc<Node<E>>;

    #[inline]
    fn deref(&self) -> &Arc<Node<E>> {
        match self {
            Self::Kept(entry) => entry,
            Self::Side(entry) => entry,
        }
    }
}

impl<E> Index<E> {
    pub(super) fn new() -> Self {
        Self {
            kept: Trie::new(),
            side: RwLock::default(),
            in_side: AtomicU64::new(0),
        }
    }

    /// The entry with this hash that `is` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<Found<'_, E>> {
        match self.kept.find(hash, &is) {
            Some(entry) => Some(Found::Kept(entry)),
            // Relaxed: who misses an entry that is just coming looks again under the lock of whoever adds.
            None if self.in_side.load(Ordering::Relaxed) == 0 => None,
            None => self.find_in_side(hash, is),
        }
    }

    #[cold]
    fn find_in_side(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<Found<'_, E>> {
        let side = read(&self.side);
        let entry = side.get(&hash)?.iter().find(|entry| is(entry))?;
        Some(Found::Side(Arc::clone(entry)))
    }

    /// Adds an entry, where `gone` entries of the trie are. One that is equal and there already is not looked for: callers
    /// look first, under a lock.
    pub(super) fn insert(&self, hash: u64, entry: E, gone: usize) -> Found<'_, E> {
        if gone < GONE_LIMIT {
            return Found::Kept(self.kept.insert(hash, entry));
        }
        let node = Arc::new(Node::new(hash, entry));
        self.put_back(&node);
        Found::Side(node)
    }

    /// Adds an entry that was taken away and freed, but for its holders.
    pub(super) fn put_back(&self, node: &Arc<Node<E>>) {
        let mut side = write(&self.side);
        side.entry(node.hash()).or_default().push(Arc::clone(node));
        self.in_side.fetch_add(1, Ordering::Relaxed);
    }

    /// Frees an entry, but for its holders; `false` if it is one of the trie and stays.
    pub(super) fn remove(&self, node: &Arc<Node<E>>) -> bool {
        let mut side = write(&self.side);
        let Some(list) = side.get_mut(&node.hash()) else {
            return false;
        };
        let before = list.len();
        list.retain(|entry| !Arc::ptr_eq(entry, node));
        let removed = list.len() < before;
        if list.is_empty() {
            side.remove(&node.hash());
        }
        self.in_side.fetch_sub(removed.into(), Ordering::Relaxed);
        removed
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn entries_of_both_halves_are_found_and_only_those_of_the_map_are_freed() {
        let index = Index::new();
        let kept = Arc::clone(&index.insert(7, "kept", GONE_LIMIT - 1));
        let first = Arc::clone(&index.insert(7, "first", GONE_LIMIT));
        let second = Arc::clone(&index.insert(7, "second", GONE_LIMIT));
        let find = |name: &str| index.find(7, |entry| *entry == name).map(|found| ***found);
        for name in ["kept", "first", "second"] {
            assert_eq!(find(name), Some(name));
        }
        assert!(!index.remove(&kept) && index.remove(&first) && !index.remove(&first));
        assert_eq!(
            (find("kept"), find("first"), find("second")),
            (Some("kept"), None, Some("second"))
        );
        assert_eq!(Arc::strong_count(&first), 1);
        index.put_back(&first);
        assert_eq!(find("first"), Some("first"));
        assert!(index.remove(&first) && index.remove(&second));
        assert_eq!(index.in_side.load(Ordering::Relaxed), 0);
        assert!(read(&index.side).is_empty());
    }
}
