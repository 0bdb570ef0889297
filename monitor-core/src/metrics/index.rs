//! Entries found by hash: a trie for those that stay, and a map behind a lock for those that may be freed.
//!
//! Readers of the trie take no lock, pin nothing and need no thread-local. Nothing in it is ever taken out again, so
//! nothing has to be reclaimed under readers. A general concurrent map spends its time on that, and on thread-locals
//! that panic in the destructors of others. An entry of the trie that is taken away only counts as gone, and its owner
//! may bring it back.
//!
//! So that keys may come and go for ever, new entries go to the map instead once [`GONE_LIMIT`] entries of the trie are
//! gone: a look-up there takes a lock for reading, and an entry that is taken away is freed with its last holder.
//! Memory is bounded by the most entries that ever were there at once and [`GONE_LIMIT`] more. The children of a
//! registered metric are in such a map alone ([`LockedMap`]): they are looked up once, for a handle.
//!
//! Callers add and take away under a lock of their own, under which they look for an equal entry first. A reader beside
//! an addition finds the whole entry or none, and looks again under that lock.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::base::sync::{AtomicU64, OnceLock, Relaxed, RwLock, read, write};

/// Slots of the root (4 KiB): most programs have fewer keys, which are one or two steps away then.
const ROOT: usize = 256;
/// Children of a node. At 8, about half of the nodes of a random trie have children, and 100,000 entries are 4 steps
/// deep.
const FAN_OUT: usize = 8;
/// Entries of the trie that may be gone before new ones go to the map.
#[cfg(not(all(test, monitor_loom)))]
pub(super) const GONE_LIMIT: u64 = 4096;
/// In models: so that one removal is enough.
#[cfg(all(test, monitor_loom))]
pub(super) const GONE_LIMIT: u64 = 1;

type Slot<E> = OnceLock<Arc<IndexNode<E>>>;

/// A concurrent map whose entries may be taken away.
pub(super) struct Index<E> {
    /// The trie, over the bits of the hash: eight and then three a level, with an entry in each node.
    root: Box<[Slot<E>; ROOT]>,
    /// How many entries of the trie are gone; changes under the owner's lock alone.
    gone: AtomicU64,
    map: LockedMap<E>,
    /// How many entries `map` has: none in most programs, which then never take its lock.
    in_map: AtomicU64,
}

/// An entry and its place in the trie.
pub(super) struct IndexNode<E> {
    hash: u64,
    children: OnceLock<Box<[Slot<E>; FAN_OUT]>>,
    entry: E,
}

impl<E> IndexNode<E> {
    pub(super) fn new(hash: u64, entry: E) -> Self {
        Self {
            hash,
            children: OnceLock::new(),
            entry,
        }
    }
}

impl<E> Deref for IndexNode<E> {
    type Target = E;

    #[inline]
    fn deref(&self) -> &E {
        &self.entry
    }
}

/// An entry that was found.
pub(super) enum Found<'a, E> {
    InTrie(&'a Arc<IndexNode<E>>),
    InMap(Arc<IndexNode<E>>),
}

impl<E> Deref for Found<'_, E> {
    type Target = Arc<IndexNode<E>>;

    #[inline]
    fn deref(&self) -> &Arc<IndexNode<E>> {
        match self {
            Self::InTrie(entry) => entry,
            Self::InMap(entry) => entry,
        }
    }
}

impl<E> Index<E> {
    pub(super) fn new() -> Self {
        Self {
            root: Box::new(empty()),
            gone: AtomicU64::new(0),
            map: LockedMap::default(),
            in_map: AtomicU64::new(0),
        }
    }

    /// The entry with this hash that `is` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<Found<'_, E>> {
        match self.find_in_trie(hash, &is) {
            Some(entry) => Some(Found::InTrie(entry)),
            // Relaxed: a reader that misses an entry that is just coming looks again under the lock of its owner.
            None if self.in_map.load(Relaxed) == 0 => None,
            None => self.map.find(hash, is).map(Found::InMap),
        }
    }

    #[inline]
    fn find_in_trie(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<&Arc<IndexNode<E>>> {
        let (mut slots, mut bits): (&[Slot<E>], u64) = (&*self.root, hash);
        loop {
            let node = slot(slots, bits).get()?;
            if node.hash == hash && is(&node.entry) {
                return Some(node);
            }
            bits >>= slots.len().trailing_zeros();
            slots = &**node.children.get()?;
        }
    }

    /// Adds an entry.
    ///
    /// Once the bits of the hash are used up, all that is left is zeros: entries of one hash make a list.
    pub(super) fn insert(&self, hash: u64, entry: E) -> Found<'_, E> {
        let node = Arc::new(IndexNode::new(hash, entry));
        if self.gone.load(Relaxed) >= GONE_LIMIT {
            self.put_in_map(&node);
            return Found::InMap(node);
        }
        let (mut slots, mut bits): (&[Slot<E>], u64) = (&*self.root, hash);
        loop {
            let found = slot(slots, bits).get_or_init(|| Arc::clone(&node));
            if Arc::ptr_eq(found, &node) {
                return Found::InTrie(found);
            }
            bits >>= slots.len().trailing_zeros();
            slots = &**found.children.get_or_init(|| Box::new(empty()));
        }
    }

    /// Frees an entry of the map, but for its holders; one of the trie stays and counts as gone.
    pub(super) fn remove(&self, node: &Arc<IndexNode<E>>) {
        if self.map.remove(&mut Arc::clone(node), |_| true) {
            self.in_map.fetch_sub(1, Relaxed);
        } else {
            self.gone.fetch_add(1, Relaxed);
        }
    }

    /// Notes that an entry of the trie, which was gone, is back.
    pub(super) fn revive(&self) {
        self.gone.fetch_sub(1, Relaxed);
    }

    /// Adds an entry to the map, as one that was freed there, but for its holders.
    pub(super) fn put_in_map(&self, node: &Arc<IndexNode<E>>) {
        self.map.insert(node);
        self.in_map.fetch_add(1, Relaxed);
    }
}

/// Entries by hash, behind a lock.
pub(super) struct LockedMap<E>(RwLock<HashMap<u64, Vec<Arc<IndexNode<E>>>>>);

impl<E> Default for LockedMap<E> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<E> LockedMap<E> {
    pub(super) fn find(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<Arc<IndexNode<E>>> {
        let map = read(&self.0);
        map.get(&hash)?.iter().find(|entry| is(entry)).cloned()
    }

    pub(super) fn insert(&self, node: &Arc<IndexNode<E>>) {
        let mut map = write(&self.0);
        map.entry(node.hash).or_default().push(Arc::clone(node));
    }

    /// Takes an entry out, if it is there and `may` agrees, which is asked while nothing finds the entry and the map
    /// holds no count on it.
    pub(super) fn remove(
        &self,
        node: &mut Arc<IndexNode<E>>,
        may: impl FnOnce(&mut Arc<IndexNode<E>>) -> bool,
    ) -> bool {
        let mut map = write(&self.0);
        let Some(list) = map.get_mut(&node.hash) else {
            return false;
        };
        let Some(at) = list.iter().position(|entry| Arc::ptr_eq(entry, node)) else {
            return false;
        };
        list.swap_remove(at);
        if !may(node) {
            list.push(Arc::clone(node));
            return false;
        }
        if list.is_empty() {
            map.remove(&node.hash);
        }
        true
    }
}

fn empty<E, const N: usize>() -> [Slot<E>; N] {
    [const { OnceLock::new() }; N]
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "only the lowest bits are kept"
)]
#[inline]
fn slot<E>(slots: &[Slot<E>], bits: u64) -> &Slot<E> {
    // The number of slots is a power of two.
    &slots[bits as usize & (slots.len() - 1)]
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_again() {
        let index = Index::new();
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..10_000u64 {
            assert!(index.find(hash(n), |entry| *entry == n).is_none());
            assert_eq!(***index.insert(hash(n), n), n);
        }
        for n in 0..10_000u64 {
            assert!(index.find(hash(n), |entry| *entry == n).is_some());
        }
    }

    #[test]
    fn entries_of_one_hash_are_told_apart() {
        let index = Index::new();
        for n in 0..100u64 {
            index.insert(u64::MAX, n);
        }
        for n in 0..100u64 {
            assert!(index.find(u64::MAX, |entry| *entry == n).is_some());
        }
        assert!(index.find(u64::MAX, |entry| *entry == 100).is_none());
    }

    #[test]
    fn entries_of_both_halves_are_found_and_only_those_of_the_map_are_freed() {
        let index = Index::new();
        index.gone.store(GONE_LIMIT - 1, Relaxed);
        let kept = Arc::clone(&index.insert(7, "kept"));
        index.remove(&kept);
        let first = Arc::clone(&index.insert(7, "first"));
        let second = Arc::clone(&index.insert(7, "second"));
        let find = |name: &str| index.find(7, |entry| *entry == name).map(|found| ***found);
        for name in ["kept", "first", "second"] {
            assert_eq!(find(name), Some(name));
        }
        index.remove(&first);
        assert_eq!(index.gone.load(Relaxed), GONE_LIMIT);
        assert_eq!(
            (find("kept"), find("first"), find("second")),
            (Some("kept"), None, Some("second"))
        );
        assert_eq!(Arc::strong_count(&first), 1);
        index.put_in_map(&first);
        assert_eq!(find("first"), Some("first"));
        index.remove(&first);
        index.remove(&second);
        assert_eq!(index.in_map.load(Relaxed), 0);
        assert!(read(&index.map.0).is_empty());
        index.revive();
        let again = index.insert(7, "again");
        assert!(matches!(again, Found::InTrie(_)));
    }
}
