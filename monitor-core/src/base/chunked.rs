//! An array that grows without moving: cells found by index, allocated by chunk, never freed.

use crate::base::sync::Once;

const FIRST_LOG2: u32 = if cfg!(all(test, monitor_loom)) { 1 } else { 5 };
const CHUNKS: usize = if cfg!(all(test, monitor_loom)) { 3 } else { 22 };

/// Cells by index; chunk `k` holds `32 << k` of them, 2^27 in all. Readers and writers share cells in place, so a
/// cell must bring its own synchronisation.
#[derive(Debug)]
pub(crate) struct Chunked<T: 'static> {
    chunks: [Once<&'static [T]>; CHUNKS],
}

impl<T: Default + 'static> Chunked<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: std::array::from_fn(|_| Once::new()),
        }
    }

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

    /// All cells of the chunks that are there, with their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &'static T)> + '_ {
        let chunks = self.chunks.iter().zip(FIRST_LOG2..);
        chunks.flat_map(|(chunk, log2)| {
            let first = (1_u32 << log2) - (1 << FIRST_LOG2);
            (first..).zip(chunk.get().unwrap_or_default())
        })
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

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;
    use crate::base::sync::{AtomicU64, Ordering};

    #[test]
    fn every_index_has_a_cell_of_its_own() {
        let cells = Chunked::<AtomicU64>::new();
        for index in 0..1000 {
            if let Some(cell) = cells.get_or_grow(index) {
                cell.store(u64::from(index) + 1, Ordering::Relaxed);
            }
        }
        let all: Vec<u64> = cells
            .iter()
            .take(1000)
            .map(|(_, cell)| cell.load(Ordering::Relaxed))
            .collect();
        assert_eq!(all, (1..=1000).collect::<Vec<u64>>());
        assert!(cells.iter().zip(0..).all(|((index, _), at)| index == at));
        assert!(cells.get_or_grow(u32::MAX).is_none());
    }

    #[test]
    fn a_chunk_is_found_behind_one_that_is_not_there() {
        let cells = Chunked::<AtomicU64>::new();
        assert!(cells.get_or_grow(40).is_some());
        assert!(cells.get(0).is_none());
        assert_eq!(cells.iter().next().map(|(index, _)| index), Some(32));
    }
}
