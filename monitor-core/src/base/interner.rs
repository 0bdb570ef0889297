//! Names to small numbers: a wait-free look-up of what has been seen before, for names known only at run time.

use crate::base::sync::{AtomicU32, Once, Ordering, leak};

const BUCKETS: usize = if cfg!(all(test, monitor_loom)) { 1 } else { 64 };

/// A closed or slowly growing set of names, each with what belongs to it. Nothing is ever removed.
#[derive(Debug)]
pub(crate) struct Interner<T: 'static> {
    buckets: [Once<&'static Node<T>>; BUCKETS],
    /// Numbers handed out; a number that lost a race for its name stays unused.
    next: AtomicU32,
}

/// A name, its number, and what belongs to it.
#[derive(Debug)]
pub(crate) struct Node<T: 'static> {
    pub(crate) name: Box<str>,
    pub(crate) index: u32,
    pub(crate) item: T,
    next: Once<&'static Node<T>>,
}

impl<T> Interner<T> {
    pub(crate) fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| Once::new()),
            next: AtomicU32::new(0),
        }
    }

    /// Numbers handed out so far; every index is below it.
    pub(crate) fn len(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'static Node<T>> {
        let mut link = &self.buckets[bucket_of(name)];
        while let Some(node) = link.get() {
            if *node.name == *name {
                return Some(node);
            }
            link = &node.next;
        }
        None
    }

    /// The node of the name, made if need be.
    pub(crate) fn get_or_add(&self, name: &str, make: impl FnOnce(u32) -> T) -> &'static Node<T> {
        if let Some(node) = self.get(name) {
            return node;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let fresh: &'static Node<T> = leak(Node {
            name: Box::from(name),
            index,
            item: make(index),
            next: Once::new(),
        });
        let mut link = &self.buckets[bucket_of(name)];
        loop {
            match link.set(fresh) {
                Ok(()) => return fresh,
                Err(node) if *node.name == *name => return node,
                Err(node) => link = &node.next,
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Node<T>> + '_ {
        self.buckets
            .iter()
            .flat_map(|bucket| std::iter::successors(bucket.get(), |node| node.next.get()))
    }
}

/// FNV-1a, 64 bit (Fowler, Noll, Vo): a few nanoseconds on the short names this is for.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn bucket_of(name: &str) -> usize {
    let hash = fnv1a(name.as_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "folded into the table")]
    let folded = (hash ^ (hash >> 32)) as usize;
    folded % BUCKETS
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn threads_agree_on_the_node_of_a_name() {
        let names: &'static Interner<()> = leak(Interner::new());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    (0..500)
                        .map(|i| names.get_or_add(&format!("name {i}"), |_| ()).index)
                        .collect::<Vec<u32>>()
                })
            })
            .collect();
        let mut answers = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default());
        let first = answers.next().unwrap_or_default();
        assert_eq!(first.len(), 500);
        assert!(answers.all(|other| other == first));
        assert_eq!(names.iter().count(), 500);
        assert!(names.get("name 500").is_none());
        assert!(names.len() >= 500);
    }
}
