//! The values of a capped label: text to a small number, up to a limit.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use crate::base::sync::{AtomicU32, Mutex, Once, Ordering, leak, lock};
use crate::recording::labels::OVERFLOW;

/// Longest text that is a value of its own, bytes: a label is on every line of a page.
const MAX_BYTES: usize = 256;

/// Seeded: texts come from requests, and it should be hard to make them collide. Who manages to makes a look-up take as many
/// steps as there are texts, which are limited; so a fast hash will do.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A set of texts that grows up to a limit and never shrinks. Looking one up takes no lock.
#[derive(Debug)]
pub(crate) struct TextSet {
    max: u32,
    /// Open addressing with linear probing, at most half full.
    places: Box<[Once<&'static Text>]>,
    /// How many there are.
    len: AtomicU32,
    writer: Mutex<()>,
}

#[derive(Debug)]
struct Text {
    hash: u64,
    index: u32,
    name: Box<str>,
}

impl TextSet {
    pub(crate) fn new(max: u32) -> Self {
        let places = (max.max(1) as usize * 2).next_power_of_two();
        Self {
            max,
            places: (0..places).map(|_| Once::new()).collect(),
            len: AtomicU32::new(0),
            writer: Mutex::new(()),
        }
    }

    /// How many texts it takes; also the index of all others.
    pub(crate) fn max(&self) -> u32 {
        self.max
    }

    /// The index of a text: its own, that of all others where it can have none, or none yet.
    #[inline]
    pub(crate) fn get(&self, text: &str) -> Option<u32> {
        let hash = HASHER.hash_one(text);
        match self.find(hash, text) {
            Ok(found) => Some(found.index),
            Err(_) => self.has_no_place_for(text).then_some(self.max),
        }
    }

    /// [`get`](Self::get), with an index of its own if there is one left.
    pub(crate) fn get_or_add(&self, text: &str) -> u32 {
        if let Some(index) = self.get(text) {
            return index;
        }
        let hash = HASHER.hash_one(text);
        let _writer = lock(&self.writer);
        match self.find(hash, text) {
            Ok(found) => found.index,
            Err(_) if self.has_no_place_for(text) => self.max,
            Err(free) => {
                let index = self.len.load(Ordering::Relaxed);
                let name = Box::from(text);
                // Nobody else adds: the place found free is free.
                let _ = free.map(|free| free.set(leak(Text { hash, index, name })));
                // Release: pairs with the Acquire of who then finds the set full, and so every text in it.
                self.len.store(index + 1, Ordering::Release);
                index
            }
        }
    }

    /// The text, or the place where it would stand (none only if every place is taken, which is never so).
    #[inline]
    fn find(&self, hash: u64, text: &str) -> Result<&'static Text, Option<&Once<&'static Text>>> {
        let mask = self.places.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "masked")]
        let first = hash as usize & mask;
        let probed = (0..self.places.len()).map(|step| &self.places[(first + step) & mask]);
        for place in probed {
            match place.get() {
                Some(found) if found.hash == hash && *found.name == *text => return Ok(found),
                Some(_) => {}
                None => return Err(Some(place)),
            }
        }
        Err(None)
    }

    fn has_no_place_for(&self, text: &str) -> bool {
        self.len.load(Ordering::Acquire) >= self.max || text.len() > MAX_BYTES || text == OVERFLOW
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_index_and_the_rest_share_one() {
        let set = TextSet::new(2);
        assert_eq!(set.get("a"), None);
        assert_eq!(set.get_or_add("a"), 0);
        assert_eq!(set.get_or_add("b"), 1);
        assert_eq!((set.get("a"), set.get("b")), (Some(0), Some(1)));
        assert_eq!((set.get("c"), set.get_or_add("c")), (Some(2), 2));
    }

    #[test]
    fn what_is_too_long_or_says_overflow_has_no_index_of_its_own() {
        let set = TextSet::new(8);
        let long = "x".repeat(MAX_BYTES + 1);
        assert_eq!(set.get(&long), Some(8));
        assert_eq!(set.get(&long[1..]), None);
        assert_eq!(set.get(OVERFLOW), Some(8));
        assert_eq!(set.get_or_add(""), 0);
    }

    #[test]
    fn threads_agree_and_the_limit_holds() {
        let set: &'static TextSet = leak(TextSet::new(100));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let texts = (0..200).map(|i| set.get_or_add(&format!("text {i}")));
                    texts.collect::<Vec<u32>>()
                })
            })
            .collect();
        let answers: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default())
            .collect();
        let own = |all: &[u32]| all.iter().filter(|index| **index < 100).count();
        assert_eq!(answers[0].len(), 200);
        assert!(answers.iter().all(|all| own(all) <= 100));
        let known = (0..200).filter(|i| set.get(&format!("text {i}")) != Some(100));
        assert_eq!(known.count(), 100);
    }
}

#[cfg(all(test, monitor_loom))]
mod models {
    use super::*;
    use crate::recording::models::check;

    #[test]
    fn two_texts_for_one_place_get_one_index_of_their_own() {
        check(|| {
            let set: &'static TextSet = leak(TextSet::new(1));
            let other = loom::thread::spawn(|| (set.get_or_add("a"), set.get("a")));
            let (b, b_again) = (set.get_or_add("b"), set.get("b"));
            let (a, a_again) = other.join().expect("no panic");
            assert_eq!([a, b].iter().sum::<u32>(), 1);
            assert_eq!((a_again, b_again), (Some(a), Some(b)));
        });
    }

    #[test]
    fn a_reader_finds_a_text_whole_or_not_at_all() {
        check(|| {
            let set: &'static TextSet = leak(TextSet::new(1));
            let writer = loom::thread::spawn(|| set.get_or_add("a"));
            assert!(matches!(set.get("a"), None | Some(0)));
            // Once the set is full its text is there for everyone.
            if set.get("b") == Some(1) {
                assert_eq!(set.get("a"), Some(0));
            }
            writer.join().expect("no panic");
        });
    }
}
