//! One slot of one level as bytes, and how several are added up.
//!
//! # Layout
//!
//! A [`SlotBlock`] begins with the record of all entry calls together. The records of methods with calls follow in
//! ascending order, each after its distance from the method before, less one; a method without calls takes nothing.
//! Last, where the block is thinned, stands one of all methods that are not told of one by one, under the number
//! [`REST`]. Every 32nd record is in an index, so that one method is found without the records before. The index takes
//! two bits a record.
//!
//! # Bound
//!
//! A block has a cap. Where the records of all methods take more, they are thinned: the busiest methods (calls begun
//! and ended; of equal ones those with lower numbers) stay full, the next ones keep [`totals`], and all others are
//! added up.

use super::bits::{BitReader, BitWriter};
use super::coding::{Grain, Sum, canonical, read_record, totals, write_record};
use crate::data::slot::MethodSlot;

/// The number under which the calls of methods stand that are not told of one by one.
pub(super) const REST: u32 = u32::MAX;

/// How many records an entry of the index is for.
const INDEX_STEP: usize = 32;

/// Bits of the totals of a method, about: what is set aside for them while others stay full.
const TOTALS_BITS: usize = 48;

/// The bits of all methods that are added up, at most: counts of four outcomes.
const REST_BITS: usize = 512;

/// How much busier a method is taken for that has a record in the block before.
const KEPT: u64 = 4;

/// A slot, as bytes.
#[derive(Debug)]
pub(super) struct SlotBlock {
    /// The number of its last slot of 2 s.
    pub(super) tick: u64,
    pub(super) begin: f64,
    pub(super) end: f64,
    /// Whether a method without a record may have had calls.
    pub(super) has_rest: bool,
    grain: Grain,
    /// How many records there are beside that of entries.
    records: u32,
    bits: Box<[u8]>,
    /// Of each 32nd record the number that its distance counts from, and the bit at which it begins.
    index: Box<[(u32, u32)]>,
}

/// How many methods of a block are not full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Thinned {
    /// Those that keep totals alone.
    pub totals: usize,
    /// Those that are added up with others.
    pub added_up: usize,
}

/// When a slot was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) tick: u64,
    pub(super) begin: f64,
    pub(super) end: f64,
}

/// Makes blocks, and keeps the memory for the next one.
#[derive(Debug, Default)]
pub(super) struct SlotBlockWriter {
    bits: BitWriter,
    index: Vec<(u32, u32)>,
    records: u32,
    /// What the distance of the next record counts from; one less than the first method's number at the start, so it
    /// wraps.
    last: u32,
}

impl SlotBlockWriter {
    /// Begins a block.
    pub(super) fn begin(&mut self, entries: &MethodSlot, grain: Grain) {
        self.bits.clear();
        self.index.clear();
        self.records = 0;
        self.last = u32::MAX;
        write_record(&mut self.bits, &canonical(entries, grain), grain, true);
    }

    /// Adds the calls of a method, whose number is above that of the one before.
    pub(super) fn push(&mut self, calls: &MethodSlot, grain: Grain, is_full: bool) {
        if (self.records as usize).is_multiple_of(INDEX_STEP) {
            self.index.push((
                self.last,
                u32::try_from(self.bits.len()).unwrap_or(u32::MAX),
            ));
        }
        let distance = calls.method.wrapping_sub(self.last).wrapping_sub(1);
        self.bits.count(distance.into(), 0);
        self.last = calls.method;
        self.records = self.records.saturating_add(1);
        write_record(&mut self.bits, &canonical(calls, grain), grain, is_full);
    }

    /// Bits so far.
    pub(super) fn len(&self) -> usize {
        self.bits.len()
    }

    /// Bytes that the block takes.
    pub(super) fn bytes(&self) -> usize {
        block_bytes(self.bits.len().div_ceil(8), self.index.len())
    }

    /// The block.
    pub(super) fn finish(&mut self, at: Span, grain: Grain) -> SlotBlock {
        SlotBlock {
            tick: at.tick,
            begin: at.begin,
            end: at.end,
            has_rest: self.records > 0 && self.last == REST,
            grain,
            records: self.records,
            bits: self.bits.finish(),
            index: self.index.as_slice().into(),
        }
    }
}

fn block_bytes(bits: usize, index: usize) -> usize {
    size_of::<SlotBlock>() + bits + size_of::<(u32, u32)>() * index
}

/// The calls of a slot, before they are a block.
pub(super) struct Calls<'s> {
    pub(super) entries: &'s MethodSlot,
    /// In ascending order, each with whether it is full.
    pub(super) methods: Vec<(&'s MethodSlot, bool)>,
}

impl Calls<'_> {
    /// The block with all methods full, and how many bits each of them takes.
    pub(super) fn full(&self, writer: &mut SlotBlockWriter, grain: Grain) -> Vec<usize> {
        writer.begin(self.entries, grain);
        let lens = self.methods.iter().map(|&(calls, is_full)| {
            let before = writer.len();
            writer.push(calls, grain, is_full);
            writer.len() - before
        });
        lens.collect()
    }

    /// The block in at most so many bytes, or as many as it takes without a method.
    pub(super) fn thinned(
        &self,
        writer: &mut SlotBlockWriter,
        grain: Grain,
        lens: &[usize],
        cap: usize,
        before: Option<&SlotBlock>,
    ) -> Thinned {
        let cap = cap.saturating_sub(size_of::<SlotBlock>()) * 8;
        let mut thinned = Thinned::default();
        let mut rest = Sum::new(REST);
        writer.begin(self.entries, grain);
        if writer.len() > cap / 4 {
            writer.begin(&totals(&canonical(self.entries, grain)), grain);
        }
        let keep = self.keep(lens, cap.saturating_sub(writer.len() + REST_BITS), before);
        for (&(calls, is_full), keep) in self.methods.iter().zip(keep) {
            match keep {
                Keep::Full => writer.push(calls, grain, is_full),
                Keep::Totals => {
                    thinned.totals += 1;
                    writer.push(&totals(calls), grain, false);
                }
                Keep::Sum => {
                    thinned.added_up += 1;
                    rest.add_totals(calls, grain);
                }
            }
        }
        if thinned.added_up > 0 {
            writer.push(&totals(&rest.calls), grain, false);
        }
        thinned
    }

    /// What stays of each method.
    fn keep(&self, lens: &[usize], cap: usize, before: Option<&SlotBlock>) -> Vec<Keep> {
        let busy = self.busy(before);
        let mut busiest: Vec<_> = (0..self.methods.len().min(lens.len())).collect();
        busiest.sort_by_key(|&at| std::cmp::Reverse(busy[at]));
        let mut keep: Vec<_> = self.methods.iter().map(|_| Keep::Sum).collect();
        let mut used = 0;
        for (nth, &at) in busiest.iter().enumerate() {
            // The index takes two bits a record.
            let full = lens[at] + 2;
            let left = (busiest.len() - nth - 1) * TOTALS_BITS;
            let is_full = used + full + left <= cap || used + full <= cap / 2;
            if !is_full && used + TOTALS_BITS > cap {
                break;
            }
            used += if is_full { full } else { TOTALS_BITS };
            keep[at] = if is_full { Keep::Full } else { Keep::Totals };
        }
        keep
    }
}

impl Calls<'_> {
    /// How busy each method is.
    fn busy(&self, before: Option<&SlotBlock>) -> Vec<u64> {
        let mut before = before
            .filter(|block| block.has_rest)
            .map(SlotBlock::methods);
        let mut skipped = Sum::new(0);
        let busy = self.methods.iter().map(|(calls, _)| {
            let busy = calls.begun.saturating_add(calls.ended());
            let is_kept = before
                .as_mut()
                .is_some_and(|block| block.seek(calls.method, &mut skipped));
            busy.saturating_mul(if is_kept { KEPT } else { 1 })
        });
        busy.collect()
    }
}

/// What stays of a method in a thinned block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Full,
    Totals,
    Sum,
}

impl SlotBlock {
    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        block_bytes(self.bits.len(), self.index.len())
    }

    /// Adds the entry calls.
    pub(super) fn entries(
        &self,
        into: Grain,
        with_gauges: bool,
        sum: &mut Sum,
    ) -> Option<Cursor<'_>> {
        let mut bits = BitReader::new(&self.bits, 0);
        read_record(&mut bits, self.grain, into, with_gauges, sum)?;
        Some(Cursor::new(self, bits, 0, u32::MAX))
    }

    /// Its methods.
    pub(super) fn methods(&self) -> Cursor<'_> {
        let begin = self.index.first().map_or(0, |first| first.1);
        Cursor::new(
            self,
            BitReader::new(&self.bits, begin as usize),
            0,
            u32::MAX,
        )
    }
}

/// The records of a block, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'b> {
    block: &'b SlotBlock,
    bits: BitReader<'b>,
    /// The place of the next record, of which the method is read already.
    nth: u32,
    /// What the distance of the record after that counts from.
    last: u32,
    /// The method whose record comes next.
    pub(super) method: Option<u32>,
}

impl<'b> Cursor<'b> {
    fn new(block: &'b SlotBlock, bits: BitReader<'b>, nth: u32, last: u32) -> Self {
        let mut cursor = Self {
            block,
            bits,
            nth,
            last,
            method: None,
        };
        cursor.read_method();
        cursor
    }

    fn read_method(&mut self) {
        self.method = None;
        if self.nth >= self.block.records {
            return;
        }
        let distance = self
            .bits
            .count(0)
            .and_then(|distance| u32::try_from(distance).ok());
        self.method = distance.map(|distance| self.last.wrapping_add(1).wrapping_add(distance));
        self.last = self.method.unwrap_or(self.last);
    }

    /// Adds the calls of the next method, and goes on.
    pub(super) fn read(&mut self, into: Grain, with_gauges: bool, sum: &mut Sum) {
        let read = read_record(&mut self.bits, self.block.grain, into, with_gauges, sum);
        self.nth = if read.is_some() {
            self.nth.saturating_add(1)
        } else {
            u32::MAX
        };
        self.read_method();
    }

    /// Goes on to this method or the first after it, and returns whether it is there.
    pub(super) fn seek(&mut self, method: u32, skipped: &mut Sum) -> bool {
        if self.method.is_none_or(|here| here >= method) {
            return self.method == Some(method);
        }
        let index = &self.block.index;
        let at = index.partition_point(|(before, _)| *before == u32::MAX || *before < method);
        let at = at.saturating_sub(1);
        let nth = u32::try_from(at * INDEX_STEP).unwrap_or(u32::MAX);
        if let Some(&(before, bit)) = index.get(at)
            && nth > self.nth
        {
            let bits = BitReader::new(&self.block.bits, bit as usize);
            *self = Self::new(self.block, bits, nth, before);
        }
        while self.method.is_some_and(|here| here < method) {
            skipped.reset(0);
            self.read(Grain::Coarse, false, skipped);
        }
        self.method == Some(method)
    }
}

/// Calls each method of several blocks, the oldest first, in ascending order, with its calls added up, and returns the
/// entry calls.
pub(super) fn add_up(
    blocks: &[&SlotBlock],
    into: Grain,
    gauges: Gauges,
    mut each: impl FnMut(&mut Sum),
) -> Sum {
    let mut entries = Sum::new(REST);
    let newest = blocks.len().saturating_sub(1);
    let mut cursors = Vec::with_capacity(blocks.len());
    for (nth, block) in blocks.iter().enumerate() {
        let with_gauges = gauges == Gauges::Greatest || nth == newest;
        let cursor = block.entries(into, with_gauges, &mut entries);
        cursors.extend(cursor.map(|cursor| (cursor, with_gauges)));
    }
    let rests = blocks.iter().filter(|block| block.has_rest).count();
    let mut sum = Sum::new(0);
    while let Some(method) = cursors.iter().filter_map(|(cursor, _)| cursor.method).min() {
        sum.reset(method);
        let mut found = 0;
        for (cursor, with_gauges) in &mut cursors {
            if cursor.method == Some(method) {
                found += usize::from(cursor.block.has_rest);
                cursor.read(into, *with_gauges, &mut sum);
            }
        }
        // Where it has no record, it may be among the rest.
        sum.is_full &= found == rests;
        each(&mut sum);
    }
    entries
}

/// What is in flight in a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gauges {
    /// The greatest of all blocks.
    Greatest,
    /// As in the newest block.
    Newest,
}
