//! A value that is replaced whole and read on the recording path.

use crate::base::chunked::Chunked;
use crate::base::sync::{AtomicU32, Once, Ordering, leak};

/// The newest of the values it was ever given. All are kept for the life of the process, so a read is two loads and
/// counts nothing: for what is replaced by hand now and then, such as a configuration.
#[derive(Debug)]
pub(crate) struct Latest<T: 'static> {
    first: &'static T,
    later: Chunked<Once<&'static T>>,
    /// The newest one's place in `later`, plus 1.
    newest: AtomicU32,
}

impl<T> Latest<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            first: leak(value),
            later: Chunked::new(),
            newest: AtomicU32::new(0),
        }
    }

    #[inline]
    pub(crate) fn load(&self) -> &'static T {
        // Acquire: pairs with the Release in `store`, so the value at that place is there.
        match self.newest.load(Ordering::Acquire).checked_sub(1) {
            None => self.first,
            Some(place) => {
                let cell = self.later.get(place);
                cell.and_then(Once::get).unwrap_or(self.first)
            }
        }
    }

    /// Replaces the value. Of two stores at once one is the later one for every reader.
    pub(crate) fn store(&self, value: T) {
        let value = leak(value);
        let mut place = self.newest.load(Ordering::Relaxed);
        // There is room for 2^27: a value past that is not taken.
        while let Some(cell) = self.later.get_or_grow(place) {
            place += 1;
            if cell.set(value).is_ok() {
                self.newest.fetch_max(place, Ordering::Release);
                return;
            }
        }
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

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
        assert_eq!(latest.newest.load(Ordering::Relaxed), 400);
        // Whichever was the last, it was a thread's last.
        assert_eq!(latest.load() % 1000, 100);
    }
}
