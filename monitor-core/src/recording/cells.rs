//! The cells that one thread counts in: a window of them where the observations are, and more windows on demand.
//!
//! A [`Partition`](crate::recording::partition::Partition) has hundreds of cells, of which the observations of one
//! method and thread fall into few that lie side by side. So [`CellCounts`] has room for a window of [`WINDOW`] cells,
//! some ten powers of two, placed as the first observations come; cells outside of it are in further windows, each
//! made at its first use. A cell has 32 bits: what is more is carried into a word beside it.

use crate::base::append::{IN_MODEL, Link, push};
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Once, Relaxed, Release, leak};

/// Cells of a window: one for each two bits of `used`.
pub(crate) const WINDOW: usize = if IN_MODEL { 2 } else { 128 };

/// The greatest count of a cell itself.
const MOST: u32 = if IN_MODEL { 3 } else { u32::MAX };

/// In a carried count: the cell itself is about to become 0, and the next carry is not yet in.
const IN_CARRY: u64 = 1 << 63;

/// No place yet.
const UNPLACED: u32 = 1 << 30;

/// Counts by cell; one writer, any number of readers.
///
/// # Consistency
///
/// Each count is a Release store and pairs with the Acquire of a reader: no count a reader sees is lower than one it saw
/// before, and with a count it sees all that was counted before it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct CellCounts {
    /// The first cell of the window; [`UNPLACED`] before the first observation.
    first: AtomicU32,
    /// The cell of the very first observation, plus 1, if that came before the window had its place: it says too little
    /// about where the others are, and is counted by this word alone.
    lone: AtomicU32,
    window: Window,
}

#[derive(Debug)]
#[repr(C)]
struct Window {
    /// The pairs of cells that are not empty, a bit each: a method's calls are alike, and a reader need not look at the
    /// rest.
    used: AtomicU64,
    rare: Once<&'static Rare>,
    cells: [AtomicU32; WINDOW],
}

/// The part of a window that most windows lack.
#[derive(Debug, Default)]
struct Rare {
    /// By cell, what no longer fits into it: a multiple of [`MOST`] + 1, and [`IN_CARRY`].
    carried: Once<&'static [AtomicU64; WINDOW]>,
    next: Link<OuterWindow>,
}

/// A window around the first one, or around those before it: half of it the cells below, half of it those above.
#[derive(Debug)]
struct OuterWindow {
    number: usize,
    window: Window,
}

impl CellCounts {
    /// Where the cells of the window begin.
    #[cfg(all(test, not(monitor_loom)))]
    pub(crate) const CELLS_AT: usize = std::mem::offset_of!(Self, window.cells);

    pub(crate) fn new() -> Self {
        Self {
            first: AtomicU32::new(UNPLACED),
            lone: AtomicU32::new(0),
            window: Window::new(),
        }
    }

    /// True before the first observation.
    pub(crate) fn is_unplaced(&self) -> bool {
        self.first.load(Relaxed) == UNPLACED
    }

    /// Puts the window around this cell; only the owner, before the first observation.
    pub(crate) fn place_around(&self, cell: usize) {
        let first = cell.saturating_sub(HALF);
        // Relaxed: before the Release of the first count.
        self.first.store(u32::try_from(first).unwrap_or(0), Relaxed);
    }

    /// The window, for many additions; only the owner.
    #[inline]
    pub(crate) fn window(&self) -> PlacedWindow<'_> {
        PlacedWindow {
            first: self.first.load(Relaxed),
            window: &self.window,
        }
    }

    /// One more; only the owner.
    pub(crate) fn add(&self, cell: usize) {
        let is_added = u32::try_from(cell).is_ok_and(|cell| self.window().add(cell));
        if !is_added {
            self.add_outer(cell);
        }
    }

    #[cold]
    #[inline(never)]
    fn add_outer(&self, cell: usize) {
        let at = cell.wrapping_sub(self.first.load(Relaxed) as usize);
        if at < WINDOW {
            return self.window.add(at);
        }
        if self.is_unplaced() {
            if self.lone.load(Relaxed) == 0 {
                self.lone
                    .store(u32::try_from(cell).unwrap_or(0) + 1, Release);
                return;
            }
            self.place_around(cell);
            return self.add(cell);
        }
        let (number, at) = outer_place(self.first.load(Relaxed) as usize, cell);
        let known = self.outer().find(|outer| outer.number == number);
        let outer = known.unwrap_or_else(|| {
            let new = leak(OuterWindow {
                number,
                window: Window::new(),
            });
            push(&self.window.rare().next, new, |outer| {
                &outer.window.rare().next
            })
        });
        outer.window.add(at);
    }

    fn outer(&self) -> impl Iterator<Item = &'static OuterWindow> {
        let next = |window: &Window| window.rare.get()?.next.get();
        std::iter::successors(next(&self.window), move |outer| next(&outer.window))
    }

    /// Hands over the cells that are not empty with their counts.
    #[inline]
    pub(crate) fn each(&self, mut each: impl FnMut(usize, u64)) {
        // The first count is behind the place of the window, and a reader that sees none needs none.
        let used = self.window.used.load(Acquire);
        let first = self.first.load(Relaxed) as usize;
        self.window.each(used, |at, count| each(first + at, count));
        for outer in self.outer() {
            let used = outer.window.used.load(Acquire);
            // Anew: the window may have got its place since the load above, which knew of none.
            let first = self.first.load(Relaxed) as usize;
            outer.window.each(used, |at, count| {
                each(outer_cell(first, outer.number, at), count);
            });
        }
        // Last: with a count that came later, a reader sees this one.
        if let Some(cell) = self.lone.load(Acquire).checked_sub(1) {
            each(cell as usize, 1);
        }
    }

    /// The sum of all counts.
    pub(crate) fn sum(&self) -> u64 {
        let mut sum = 0;
        self.each(|_, count| sum += count);
        sum
    }

    /// Loads the word that says where the counts are: see [`MethodList`](crate::recording::method::MethodList).
    pub(crate) fn prefetch_head(&self) -> u64 {
        self.window.used.load(Relaxed)
    }

    /// Loads the lines of the window that are not empty.
    pub(crate) fn prefetch(&self) -> u64 {
        /// Pairs of cells in a cache line.
        const PAIRS: u32 = 8;
        let (mut used, mut all) = (self.window.used.load(Relaxed), 0);
        while used != 0 {
            let pair = used.trailing_zeros();
            let cell = self.window.cells.get(2 * pair as usize);
            all ^= cell.map_or(0, |cell| cell.load(Relaxed));
            let next_line = pair / PAIRS * PAIRS + PAIRS;
            used &= (!0_u64).checked_shl(next_line).unwrap_or(0);
        }
        all.into()
    }
}

/// Half a window.
const HALF: usize = WINDOW / 2;

/// The number of the outer window of a cell, and its place there, where the window begins with the cell `first`.
fn outer_place(first: usize, cell: usize) -> (usize, usize) {
    if cell < first {
        let below = first - 1 - cell;
        return (below / HALF, HALF - 1 - below % HALF);
    }
    let above = cell - (first + WINDOW);
    (above / HALF, HALF + above % HALF)
}

/// The cell at a place of an outer window.
fn outer_cell(first: usize, number: usize, at: usize) -> usize {
    match at.checked_sub(HALF) {
        Some(above) => first + WINDOW + number * HALF + above,
        None => first - 1 - (number * HALF + HALF - 1 - at),
    }
}

/// The window with its place.
#[derive(Clone, Copy)]
pub(crate) struct PlacedWindow<'a> {
    first: u32,
    window: &'a Window,
}

impl PlacedWindow<'_> {
    /// One more in a cell that is in the window, neither empty nor full; else it returns false.
    #[inline]
    pub(crate) fn add(self, cell: u32) -> bool {
        let at = cell.wrapping_sub(self.first) as usize;
        let Some(cell) = self.window.cells.get(at) else {
            return false;
        };
        let count = cell.load(Relaxed);
        let is_usual = count.wrapping_sub(1) < MOST - 1;
        if is_usual {
            cell.store(count + 1, Release);
        }
        is_usual
    }
}

impl Window {
    fn new() -> Self {
        Self {
            used: AtomicU64::new(0),
            rare: Once::new(),
            cells: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    fn rare(&self) -> &'static Rare {
        self.rare.get_or_init(|| leak(Rare::default()))
    }

    /// One more; only the owner.
    #[inline]
    fn add(&self, at: usize) {
        let used = self.used.load(Relaxed);
        let bit = 1 << (at / 2);
        if used & bit == 0 {
            // Release: pairs with the Acquire in `each`; a reader that sees the count in another way finds the bit set.
            self.used.store(used | bit, Release);
        }
        let Some(cell) = self.cells.get(at) else {
            return;
        };
        let count = cell.load(Relaxed);
        if count == MOST {
            self.carry(at);
        } else {
            cell.store(count + 1, Release);
        }
    }

    /// One more in a cell that is full. In between, a reader cannot know which of the cell's two values it sees, so the
    /// word beside it says that there is a carry: the count is then the next multiple.
    #[cold]
    #[inline(never)]
    fn carry(&self, at: usize) {
        let new = || leak(std::array::from_fn(|_| AtomicU64::new(0)));
        let carried = self.rare().carried.get_or_init(new);
        let (carried, cell) = (&carried[at], &self.cells[at]);
        let before = carried.load(Relaxed);
        carried.store(before | IN_CARRY, Release);
        cell.store(0, Release);
        carried.store(before + u64::from(MOST) + 1, Release);
    }

    #[inline]
    fn each(&self, mut used: u64, mut each: impl FnMut(usize, u64)) {
        while used != 0 {
            let pair = 2 * used.trailing_zeros() as usize;
            used &= used - 1;
            for at in [pair, pair + 1] {
                let Some(cell) = self.cells.get(at) else {
                    return;
                };
                // Before the carried counts: without any, the cell was not full yet.
                let mut count = u64::from(cell.load(Acquire));
                if let Some(carried) = self.rare.get().and_then(|rare| rare.carried.get()) {
                    count = whole(cell, &carried[at]);
                }
                if count > 0 {
                    each(at, count);
                }
            }
        }
    }
}

/// The count of a cell and what was carried out of it.
#[cold]
fn whole(cell: &AtomicU32, carried: &AtomicU64) -> u64 {
    loop {
        // Acquire, all but the last: what was read before is no newer than what is read after.
        let before = carried.load(Acquire);
        if before & IN_CARRY != 0 {
            return (before & !IN_CARRY) + u64::from(MOST) + 1;
        }
        let count = u64::from(cell.load(Acquire));
        if carried.load(Relaxed) == before {
            return before + count;
        }
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
