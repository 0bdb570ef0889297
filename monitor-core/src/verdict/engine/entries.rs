//! The entry calls of all methods together: what is usual for the service.

use super::normal::{BLOCK, Block};
use super::usual::{Ranges, Usual};
use crate::data::slot::{FailureKind, Slot};

/// Blocks of the entry calls.
#[derive(Debug, Default)]
pub(super) struct Entries {
    block: Block,
    ranges: Ranges,
}

impl Entries {
    /// Adds a slot. Nothing is learned of a block in which something is wrong.
    pub(super) fn feed(&mut self, slot: &Slot, is_well: bool) {
        if !is_well {
            self.block = Block::default();
            return;
        }
        let block = &mut self.block;
        block.slots += 1;
        block.seconds += slot.end - slot.begin;
        let calls = &slot.entries;
        block.begun = add(block.begun, calls.begun);
        block.calls = add(block.calls, calls.ended());
        block.add_busy(calls);
        block.add_cells(&calls.ok);
        block.add_failed(0, add(0, calls.failed(FailureKind::Counts)));
        if block.slots == BLOCK {
            let block = std::mem::take(&mut self.block);
            self.ranges.learn(&block);
        }
    }

    pub(super) fn usual(&self) -> Option<Usual> {
        self.ranges.usual()
    }

    /// Slots that are still to come before what is usual is known, where nothing is wrong in them.
    pub(super) fn missing_slots(&self) -> u32 {
        (self.ranges.missing() * BLOCK).saturating_sub(self.block.slots)
    }

    pub(super) fn bytes(&self) -> usize {
        self.block.bytes() + self.ranges.bytes()
    }
}

fn add(sum: u32, count: u64) -> u32 {
    sum.saturating_add(u32::try_from(count).unwrap_or(u32::MAX))
}
