//! A concurrent hash map that only grows: readers take no lock, pin nothing and need no thread-local.
//!
//! What is in it is never taken out again, so nothing has to be reclaimed under readers, which is what a general
//! concurrent map spends its time on (and its thread-locals: those panic in the destructors of others). What may go is in
//! `index.rs`.

use std::ops::Deref;
use std::sync::Arc;

use crate::base::sync::OnceLock;

/// Slots of the root (4 KiB): most programs have fewer keys, which are one or two steps away then.
const ROOT: usize = 256;
/// Children of a node. At 8, about half of the nodes of a random trie have children, and 100,000 entries are 4 steps
/// deep.
const FAN_OUT: usize = 8;

type Slot<E> = OnceLock<Arc<Node<E>>>;

/// A trie over the bits of the hash, eight and then three a level, with an entry in each node.
#[derive(Debug)]
pub(super) struct Trie<E> {
    root: Box<[Slot<E>; ROOT]>,
}

/// An entry and its place in the trie.
#[derive(Debug)]
pub(super) struct Node<E> {
    hash: u64,
    children: OnceLock<Box<[Slot<E>; FAN_OUT]>>,
    entry: E,
}

impl<E> Deref for Node<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.entry
    }
}

impl<E> Node<E> {
    pub(super) fn new(hash: u64, entry: E) -> Self {
        Self {
            hash,
            children: OnceLock::new(),
            entry,
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

impl<E> Trie<E> {
    pub(super) fn new() -> Self {
        Self {
            root: Box::new(empty()),
        }
    }

    /// The entry with this hash that `is` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<&Arc<Node<E>>> {
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

    /// Adds an entry. One that is equal and there already is not looked for: callers look first, under a lock.
    ///
    /// Once the bits of the hash are used up, all that is left is zeros: entries of one hash make a list.
    pub(super) fn insert(&self, hash: u64, entry: E) -> &Arc<Node<E>> {
        let node = Arc::new(Node::new(hash, entry));
        let (mut slots, mut bits): (&[Slot<E>], u64) = (&*self.root, hash);
        loop {
            let found = slot(slots, bits).get_or_init(|| Arc::clone(&node));
            if Arc::ptr_eq(found, &node) {
                return found;
            }
            bits >>= slots.len().trailing_zeros();
            slots = &**found.children.get_or_init(|| Box::new(empty()));
        }
    }
}

fn empty<E, const N: usize>() -> [Slot<E>; N] {
    std::array::from_fn(|_| OnceLock::new())
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
        let trie = Trie::new();
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..10_000u64 {
            assert!(trie.find(hash(n), |entry| *entry == n).is_none());
            assert_eq!(**(*trie.insert(hash(n), n)), n);
        }
        for n in 0..10_000u64 {
            assert!(trie.find(hash(n), |entry| *entry == n).is_some());
        }
    }

    #[test]
    fn entries_of_one_hash_are_told_apart() {
        let trie = Trie::new();
        for n in 0..100u64 {
            trie.insert(u64::MAX, n);
        }
        for n in 0..100u64 {
            assert!(trie.find(u64::MAX, |entry| *entry == n).is_some());
        }
        assert!(trie.find(u64::MAX, |entry| *entry == 100).is_none());
    }
}
