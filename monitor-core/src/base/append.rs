//! Containers that only grow, in which recording looks things up without waiting.
//!
//! - [`Chunked`]: cells by index, in place for good; [`Table`]: items by index, each made once.
//! - [`push`] and [`walk`]: a list whose items hold the link to the next one.
//! - [`Interner`]: items by key, numbered in the order they came.
//! - [`Latest`]: the newest of the values it was given.
//!
//! Nothing is ever moved, removed or freed, so a reader needs neither lock nor count, and a found item stays valid for
//! the life of the process. All of them stand on [`Once`]: a reader sees nothing, or an item that is complete. Two
//! threads that add the same item at once agree on one; the other's is never seen.

use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, LazyLock};

use foldhash::fast::RandomState;

use crate::base::sync::{Acquire, AtomicU32, Mutex, Once, Relaxed, Release, leak, lock};

/// True in models, which need containers to be small.
pub(crate) const IN_MODEL: bool = cfg!(all(test, monitor_loom));

const FIRST_LOG2: u32 = if IN_MODEL { 1 } else { 5 };
const CHUNKS: usize = if IN_MODEL { 3 } else { 22 };

/// Cells of a [`Chunked`]: 2^27 - 32.
pub(crate) const MAX_CELLS: u32 = ((1 << CHUNKS) - 1) << FIRST_LOG2;

/// Cells by index; chunk `k` holds `32 << k` of them. Readers and writers share cells in place, so a cell must bring
/// its own synchronisation.
#[derive(Debug)]
pub(crate) struct Chunked<T: 'static> {
    chunks: [Once<&'static [T]>; CHUNKS],
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self {
            chunks: Once::empty(),
        }
    }
}

/// Items by index, each made once.
pub(crate) type Table<T> = Chunked<Once<&'static T>>;

impl<T: Default + 'static> Chunked<T> {
    /// The cell, if its chunk is there.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&'static T> {
        let (chunk, offset) = place(index)?;
        self.chunks[chunk].get()?.get(offset)
    }

    /// The cell, its chunk made if need be; `None` past the end.
    pub(crate) fn get_or_grow(&self, index: u32) -> Option<&'static T> {
        let (chunk, offset) = place(index)?;
        let cells = self.chunks[chunk].get_or_init(|| {
            let len = 1_usize << (FIRST_LOG2 as usize + chunk);
            Box::leak((0..len).map(|_| T::default()).collect::<Box<[T]>>())
        });
        cells.get(offset)
    }

    /// All cells of the chunks that are there, in the order of their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static T> + '_ {
        self.chunks.iter().filter_map(Once::get).flatten()
    }

    /// The same with their indices.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (u32, &'static T)> + '_ {
        let chunks = (0_u32..).zip(&self.chunks);
        let cells = chunks.filter_map(|(chunk, cells)| {
            let first = ((1 << chunk) - 1) << FIRST_LOG2;
            Some((first..).zip(cells.get()?))
        });
        cells.flatten()
    }
}

impl<T> Table<T> {
    /// The item with this index, if there is one.
    #[inline]
    pub(crate) fn item(&self, index: u32) -> Option<&'static T> {
        self.get(index)?.get()
    }

    /// The item with this index, made if need be; `None` past the end.
    pub(crate) fn item_or(
        &self,
        index: u32,
        make: impl FnOnce() -> &'static T,
    ) -> Option<&'static T> {
        Some(self.get_or_grow(index)?.get_or_init(make))
    }

    /// All items, in the order of their indices.
    pub(crate) fn items(&self) -> impl Iterator<Item = &'static T> + '_ {
        self.iter().filter_map(Once::get)
    }
}

/// Chunk and offset of an index: the place of the leading one of `index + 32`, and the rest.
#[inline]
fn place(index: u32) -> Option<(usize, usize)> {
    let shifted = u64::from(index) + (1 << FIRST_LOG2);
    let leading = shifted.ilog2();
    let chunk = (leading - FIRST_LOG2) as usize;
    #[expect(clippy::cast_possible_truncation, reason = "below 2^33")]
    let offset = (shifted - (1 << leading)) as usize;
    (chunk < CHUNKS).then_some((chunk, offset))
}

/// The first item of a list, or the one behind an item.
pub(crate) type Link<T> = Once<&'static T>;

/// Puts an item at the end of a list, and returns it. Readers may walk the list meanwhile.
pub(crate) fn push<T>(
    mut link: &Link<T>,
    item: &'static T,
    next: impl Fn(&'static T) -> &'static Link<T>,
) -> &'static T {
    while let Err(there) = link.set(item) {
        link = next(there);
    }
    item
}

/// The items of a list.
#[inline]
pub(crate) fn walk<T>(
    first: &Link<T>,
    next: impl Fn(&'static T) -> &'static Link<T>,
) -> impl Iterator<Item = &'static T> {
    std::iter::successors(first.get(), move |item| next(item).get())
}

/// Items by key, each with a number: the first has 0. An item holds its own key; look-ups name it by hash and equality.
///
/// A look-up takes no lock. An item is added under one, so numbers are dense; it is in its bucket before `len` counts
/// it (Release, paired with the Acquire in [`len`](Self::len)), so a thread that finds the set full finds all items in
/// it.
#[derive(Debug)]
pub(crate) struct Interner<T: 'static> {
    buckets: Box<[Link<Interned<T>>]>,
    /// By number.
    nodes: Box<Table<Interned<T>>>,
    len: AtomicU32,
    writer: Mutex<()>,
}

/// An item and its number.
#[derive(Debug)]
pub(crate) struct Interned<T: 'static> {
    pub(crate) index: u32,
    hash: u64,
    next: Link<Interned<T>>,
    pub(crate) item: T,
}

impl<T> Interner<T> {
    /// With so many buckets, rounded up to a power of two: a look-up takes a step for each item in its bucket.
    pub(crate) fn new(buckets: usize) -> Self {
        let buckets = if IN_MODEL {
            1
        } else {
            buckets.next_power_of_two()
        };
        Self {
            buckets: (0..buckets).map(|_| Once::new()).collect(),
            nodes: Box::default(),
            len: AtomicU32::new(0),
            writer: Mutex::new(()),
        }
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> u32 {
        self.len.load(Acquire)
    }

    /// The item with this hash that `is` accepts.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&'static Interned<T>> {
        walk(self.bucket(hash), |node| &node.next).find(|node| node.hash == hash && is(&node.item))
    }

    /// [`find`](Self::find), or a new item, given its number, if there are fewer than `limit`.
    pub(crate) fn find_or_add(
        &self,
        hash: u64,
        is: impl Fn(&T) -> bool,
        limit: u32,
        make: impl FnOnce(u32) -> T,
    ) -> Option<&'static Interned<T>> {
        // Before the look: a thread that finds the set full then finds every item in it.
        let is_full = self.len() >= limit;
        let found = self.find(hash, &is);
        if found.is_some() || is_full {
            return found;
        }
        let _writer = lock(&self.writer);
        let found = self.find(hash, is);
        let index = self.len();
        if found.is_some() || index >= limit {
            return found;
        }
        let item = |index| Interned {
            index,
            hash,
            next: Once::new(),
            item: make(index),
        };
        let node = self.nodes.item_or(index, || leak(item(index)))?;
        push(self.bucket(hash), node, |node| &node.next);
        self.len.store(index + 1, Release);
        Some(node)
    }

    /// All items, in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Interned<T>> + '_ {
        self.nodes.items()
    }

    #[inline]
    fn bucket(&self, hash: u64) -> &Link<Interned<T>> {
        #[expect(clippy::cast_possible_truncation, reason = "masked")]
        let at = hash as usize & (self.buckets.len() - 1);
        &self.buckets[at]
    }
}

impl Interner<Arc<str>> {
    /// The number of a text, given out now if there are fewer than `limit`.
    pub(crate) fn number_of(&self, text: &str, limit: u32) -> Option<u32> {
        let is = |known: &Arc<str>| **known == *text;
        let node = self.find_or_add(hash_of(text), is, limit, |_| Arc::from(text))?;
        Some(node.index)
    }
}

/// The hash of a key. Seeded: keys come from requests, and it should be hard to make them collide. A client that
/// manages to makes a look-up take as many steps as there are items, whose number is limited; so a fast hash will do.
#[inline]
pub(crate) fn hash_of(key: impl Hash) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    HASHER.hash_one(key)
}

/// The newest of the values it was ever given. All are kept for the life of the process, so a read is two loads and
/// counts nothing: for values that are rarely replaced, such as a configuration.
pub(crate) struct Latest<T: 'static> {
    first: &'static T,
    later: Table<T>,
    /// The newest one's place in `later`, plus 1.
    newest: AtomicU32,
}

impl<T> Latest<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            first: leak(value),
            later: Table::default(),
            newest: AtomicU32::new(0),
        }
    }

    #[inline]
    pub(crate) fn load(&self) -> &'static T {
        // Acquire: pairs with the Release in `store`, so the value at that place is there.
        let place = self.newest.load(Acquire).checked_sub(1);
        let later = place.and_then(|place| self.later.item(place));
        later.unwrap_or(self.first)
    }

    /// Replaces the value. Of two stores at once one is the later one for every reader.
    pub(crate) fn store(&self, value: T) {
        let value = leak(value);
        let mut place = self.newest.load(Relaxed);
        // There is room for some 2^27: a value past that is not taken.
        while let Some(cell) = self.later.get_or_grow(place) {
            place += 1;
            if cell.set(value).is_ok() {
                self.newest.fetch_max(place, Release);
                return;
            }
        }
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;
    use crate::base::sync::AtomicU64;

    #[test]
    fn every_index_has_a_cell_of_its_own() {
        let cells = Chunked::<AtomicU64>::default();
        for index in 0..1000 {
            if let Some(cell) = cells.get_or_grow(index) {
                cell.store(u64::from(index) + 1, Relaxed);
            }
        }
        let all = cells.iter().map(|cell| cell.load(Relaxed));
        assert!(all.take(1000).eq(1..=1000));
        assert!(cells.get_or_grow(u32::MAX).is_none());
        assert!(place(MAX_CELLS - 1).is_some() && place(MAX_CELLS).is_none());
    }

    #[test]
    fn a_chunk_is_found_behind_one_that_is_not_there() {
        let cells = Chunked::<AtomicU64>::default();
        let cell = cells.get_or_grow(40).expect("it is not past the end");
        assert!(cells.get(0).is_none());
        // The chunk begins at 32.
        assert!(
            cells
                .iter()
                .nth(8)
                .is_some_and(|other| std::ptr::eq(other, cell))
        );
    }

    #[test]
    fn threads_agree_on_the_number_of_a_name() {
        let names: &'static Interner<Arc<str>> = leak(Interner::new(64));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    (0..500)
                        .filter_map(|i| names.number_of(&format!("name {i}"), u32::MAX))
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
        assert!(names.iter().map(|node| node.index).eq(0..500));
        assert!(names.number_of("name 500", 0).is_none());
        assert_eq!(names.len(), 500);
    }

    #[test]
    fn a_full_set_takes_no_more_and_keeps_what_it_has() {
        let names = Interner::new(1);
        let numbers = ["a", "b", "c", "a"].map(|name| names.number_of(name, 2));
        assert_eq!(numbers, [Some(0), Some(1), None, Some(0)]);
    }

    #[test]
    fn the_newest_value_is_read() {
        let latest = Latest::new(0);
        for value in 1..=100 {
            assert_eq!(*latest.load(), value - 1);
            latest.store(value);
        }
        assert_eq!(*latest.load(), 100);
    }

    #[test]
    fn stores_at_once_all_count() {
        let latest: &'static Latest<u32> = leak(Latest::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || (1..=100).for_each(|i| latest.store(thread * 1000 + i)));
            }
        });
        assert_eq!(latest.newest.load(Relaxed), 400);
        // Whichever was the last, it was a thread's last.
        assert_eq!(latest.load() % 1000, 100);
    }
}
