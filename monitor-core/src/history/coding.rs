//! The calls of one method in one slot as bits.
//!
//! # Definition
//!
//! A record holds, in this order: whether it is full (1 bit); the cells of successes; failures by type, each with its
//! kind and cells; calls begun, as the difference from those that ended; callers, each with its calls begun as the
//! difference from those not yet told of, and its failed calls likewise; entries, of which one bit is enough where they
//! are the calls that no caller accounts for; busy seconds; in flight, waiting, permits and the oldest age, or one bit
//! where all are 0. Numbers are as [`bits`](super::bits) has them.
//!
//! Cells are: how many have calls; the first one; the order of the counts, which is the best for these; then the counts
//! of that cell and all after it. A count of 0 is followed by the number of further empty cells, and the next count,
//! which is not 0, is told less one.
//!
//! # What is rounded
//!
//! Busy seconds are right to 0.2 %, the oldest age to 0.4 %, counts in coarse cells are up to 1.6 % too low (what is
//! missing is in the cell above), counts above `2^55` are taken as that, cells beyond 2^-1000 and 2^1000 s as these,
//! and ages by power of two are not kept. All else comes back as it was.

use std::borrow::Cow;

use super::bits::{BitReader, BitWriter, count_len};
use crate::data::native::OCTAVE;
use crate::data::slot::{CallerSlot, Cells, FailureKind, FailureSlot, MethodSlot};

/// The greatest count: the difference of two is still a code.
const MAX_COUNT: u64 = (1 << 55) - 1;

/// Durations are from 2^-1000 to 2^1000 seconds: what is in lower or higher cells is taken as at these ends.
const MAX_CELL: i64 = 8 * 1000;

/// The highest bits of the count of a coarse cell that are kept: it is up to 1.6 % too low.
const COUNT_BITS: u32 = 7;

/// The width of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grain {
    /// Eight for each power of two.
    Fine,
    /// Two for each power of two: the calls of four cells stand in the highest of them.
    Coarse,
}

impl Grain {
    /// A cell is so many fine ones wide, as a power of two: a division would take most of the time of reading.
    fn width(self) -> u32 {
        match self {
            Self::Fine => 0,
            Self::Coarse => 2,
        }
    }

    /// The number that stands for a count: itself, or in coarse cells its highest [`COUNT_BITS`] bits after their
    /// exponent.
    fn code(self, count: u64) -> u64 {
        let rest = count.max(1).ilog2().saturating_sub(COUNT_BITS - 1);
        if self == Self::Fine || rest == 0 {
            return count;
        }
        (u64::from(rest) << (COUNT_BITS - 1)) + (count >> rest)
    }

    fn coded(self, code: u64) -> u64 {
        let rest = (code >> (COUNT_BITS - 1)).saturating_sub(1);
        if self == Self::Fine || rest == 0 {
            return code.min(MAX_COUNT);
        }
        let highest = code - (rest << (COUNT_BITS - 1));
        highest << rest.min(u64::from(55 - COUNT_BITS))
    }

    /// The counts as codes can hold them. What one is rounded by is added to the next, so that their sum stays right.
    fn round(self, cells: &mut Cells) {
        let mut more = 0;
        for (_, count) in &mut cells.0 {
            let right = count.saturating_add_signed(more);
            *count = self.coded(self.code(right.max(1)));
            more = difference(right, *count);
        }
    }

    /// The cell in which the calls of a cell stand.
    fn cell(self, cell: i16) -> i16 {
        let width = self.width();
        to_cell((i64::from(cell) + (1 << width) - 1) >> width << width)
    }

    /// The middle of a cell by ratio, as part of its upper end: half a cell less.
    fn middle(self) -> f64 {
        match self {
            Self::Fine => Cells::MIDDLE,
            Self::Coarse => 0.840_896_415_253_714_5,
        }
    }

    /// What is taken from the number of the first cell, and the order of the rest: cells of 10 us to 1 s take up to
    /// nine bits.
    fn first(self) -> (i64, u32) {
        match self {
            Self::Fine => (-72, 6),
            Self::Coarse => (-18, 4),
        }
    }
}

/// The nearest cell that there is.
fn to_cell(cell: i64) -> i16 {
    i16::try_from(cell.clamp(-MAX_CELL, MAX_CELL)).unwrap_or(0)
}

/// Calls of one method, added up from several slots.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) calls: MethodSlot,
    /// False if some of them are totals alone, or are missing.
    pub(super) is_full: bool,
}

impl Sum {
    pub(super) fn new(method: u32) -> Self {
        let calls = MethodSlot {
            method,
            ..MethodSlot::default()
        };
        Self {
            calls,
            is_full: true,
        }
    }

    /// Removes all, and keeps the memory.
    pub(super) fn reset(&mut self, method: u32) {
        let mut ok = std::mem::take(&mut self.calls.ok);
        let mut callers = std::mem::take(&mut self.calls.callers);
        ok.0.clear();
        callers.clear();
        *self = Self::new(method);
        self.calls.ok = ok;
        self.calls.callers = callers;
    }

    /// Adds calls that may be in any order. Of what is in flight the greatest stays.
    pub(super) fn add(&mut self, calls: &MethodSlot, grain: Grain) {
        self.add_totals(calls, grain);
        for caller in &calls.callers {
            self.caller(*caller);
        }
    }

    /// The same without callers.
    pub(super) fn add_totals(&mut self, calls: &MethodSlot, grain: Grain) {
        add_cells(&mut self.calls.ok, &calls.ok, grain);
        for failure in &calls.failures {
            let sum = self.failure(failure.error_type, failure.kind);
            add_cells(sum, &failure.cells, grain);
        }
        let sum = &mut self.calls;
        sum.begun = plus(sum.begun, calls.begun);
        sum.entries = plus(sum.entries, calls.entries);
        if calls.busy.is_finite() {
            sum.busy = (sum.busy + calls.busy.max(0.0)).min(f64::MAX);
        }
        self.gauges(
            [calls.in_flight, calls.waiting, calls.permits],
            calls.oldest,
        );
    }

    fn failure(&mut self, error_type: u32, kind: FailureKind) -> &mut Cells {
        let failures = &mut self.calls.failures;
        let key = |one: &FailureSlot| (one.error_type, one.kind);
        let at = failures.binary_search_by_key(&(error_type, kind), key);
        let at = at.unwrap_or_else(|at| {
            let cells = Cells::default();
            failures.insert(
                at,
                FailureSlot {
                    error_type,
                    kind,
                    cells,
                },
            );
            at
        });
        &mut failures[at].cells
    }

    fn caller(&mut self, more: CallerSlot) {
        let callers = &mut self.calls.callers;
        match callers.binary_search_by_key(&more.caller, |one| one.caller) {
            Ok(at) => {
                callers[at].begun = plus(callers[at].begun, more.begun);
                callers[at].failed = plus(callers[at].failed, more.failed);
            }
            Err(at) => callers.insert(
                at,
                CallerSlot {
                    begun: plus(more.begun, 0),
                    failed: plus(more.failed, 0),
                    ..more
                },
            ),
        }
    }

    fn gauges(&mut self, [in_flight, waiting, permits]: [u64; 3], oldest: f64) {
        let sum = &mut self.calls;
        sum.in_flight = sum.in_flight.max(in_flight.min(MAX_COUNT));
        sum.waiting = sum.waiting.max(waiting.min(MAX_COUNT));
        sum.permits = sum.permits.max(permits.min(MAX_COUNT));
        if oldest.is_finite() {
            sum.oldest = sum.oldest.max(oldest);
        }
    }
}

fn plus(one: u64, more: u64) -> u64 {
    one.saturating_add(more).min(MAX_COUNT)
}

fn add_cells(cells: &mut Cells, more: &Cells, grain: Grain) {
    let mut place = 0;
    for &(cell, count) in &more.0 {
        add_cell(cells, &mut place, grain.cell(to_cell(cell.into())), count);
    }
}

/// Adds calls to a cell. `place` is where the cell before it was found: cells mostly come in ascending order.
fn add_cell(cells: &mut Cells, place: &mut usize, cell: i16, count: u64) {
    if count == 0 {
        return;
    }
    if cells.0.get(*place).is_none_or(|one| one.0 > cell) {
        *place = 0;
    }
    while cells.0.get(*place).is_some_and(|one| one.0 < cell) {
        *place += 1;
    }
    match cells.0.get_mut(*place) {
        Some(one) if one.0 == cell => one.1 = plus(one.1, count),
        _ => cells.0.insert(*place, (cell, count.min(MAX_COUNT))),
    }
}

/// The calls as a record can hold them: in ascending order, none twice, no count too great.
pub(super) fn canonical(calls: &MethodSlot, grain: Grain) -> Cow<'_, MethodSlot> {
    if grain == Grain::Fine && is_canonical(calls) {
        return Cow::Borrowed(calls);
    }
    let mut sum = Sum::new(calls.method);
    sum.add(calls, grain);
    grain.round(&mut sum.calls.ok);
    sum.calls
        .failures
        .iter_mut()
        .for_each(|one| grain.round(&mut one.cells));
    Cow::Owned(sum.calls)
}

fn is_canonical(calls: &MethodSlot) -> bool {
    let is_small = |count: u64| count <= MAX_COUNT;
    let is_sorted = |cells: &Cells| {
        cells.0.is_sorted_by(|one, next| one.0 < next.0)
            && cells
                .0
                .iter()
                .all(|one| one.1 > 0 && is_small(one.1) && i64::from(one.0).abs() <= MAX_CELL)
    };
    let failure_key = |one: &FailureSlot| (one.error_type, one.kind);
    is_sorted(&calls.ok)
        && calls.failures.iter().all(|one| is_sorted(&one.cells))
        && calls
            .failures
            .is_sorted_by(|one, next| failure_key(one) < failure_key(next))
        && calls
            .callers
            .is_sorted_by(|one, next| one.caller < next.caller)
        && calls
            .callers
            .iter()
            .all(|one| is_small(one.begun | one.failed))
        && is_small(calls.begun | calls.entries | calls.in_flight | calls.waiting | calls.permits)
        && calls.busy.is_finite()
        && calls.oldest.is_finite()
        && calls.ages.is_empty()
}

/// The calls without their distribution: durations of each outcome all stand in the cell of their median, failures are
/// told by kind, under the most frequent type, and callers and ages are left out.
pub(super) fn totals(calls: &MethodSlot) -> MethodSlot {
    let mut failures: Vec<FailureSlot> = Vec::new();
    for kind in KINDS {
        let of_kind = calls.failures.iter().filter(|one| one.kind == kind);
        let mut all = Cells::default();
        of_kind
            .clone()
            .for_each(|one| add_cells(&mut all, &one.cells, Grain::Fine));
        if let Some(most) = of_kind.max_by_key(|one| one.cells.count()) {
            failures.push(FailureSlot {
                error_type: most.error_type,
                kind,
                cells: median(&all),
            });
        }
    }
    failures.sort_by_key(|one| (one.error_type, one.kind));
    MethodSlot {
        ok: median(&calls.ok),
        failures,
        callers: Vec::new(),
        ages: Vec::new(),
        oldest: 0.0,
        ..*calls
    }
}

/// All calls in the cell of their median.
fn median(cells: &Cells) -> Cells {
    let all = cells.0.iter().fold(0, |all, one| plus(all, one.1));
    let mut below = 0;
    let middle = cells.0.iter().find(|one| {
        below = plus(below, one.1);
        below >= all.div_ceil(2)
    });
    Cells(middle.map(|one| (one.0, all)).into_iter().collect())
}

/// The order of their codes.
const KINDS: [FailureKind; 3] = [
    FailureKind::Counts,
    FailureKind::Expected,
    FailureKind::Cancelled,
];

/// Writes a record of calls that are [`canonical`] in this grain.
pub(super) fn write_record(bits: &mut BitWriter, calls: &MethodSlot, grain: Grain, is_full: bool) {
    bits.flag(is_full);
    let mut ended = Ended::default();
    write_cells(bits, &calls.ok, grain, &mut ended);
    bits.count(calls.failures.len() as u64, 0);
    for failure in &calls.failures {
        bits.count(failure.error_type.into(), 3);
        bits.count(failure.kind as u64, 0);
        let before = ended.count;
        write_cells(bits, &failure.cells, grain, &mut ended);
        ended.tell(failure.kind, before);
    }
    bits.signed(difference(calls.begun, ended.count), 1);
    write_callers(bits, calls, ended.failed);
    bits.signed(
        float_code(calls.busy, BUSY_BITS) - float_code(ended.seconds * grain.middle(), BUSY_BITS),
        5,
    );
    let gauges = [calls.in_flight, calls.waiting, calls.permits];
    let oldest = age_code(calls.oldest);
    let has_any = gauges != [0; 3] || oldest > 0;
    bits.flag(has_any);
    if has_any {
        let [in_flight, waiting, permits] = gauges;
        bits.count(in_flight, 1);
        bits.count(waiting, 0);
        bits.count(permits, 0);
        bits.flag(oldest > 0);
        if oldest > 0 {
            bits.bits(oldest, AGE_CODE);
        }
    }
}

fn write_callers(bits: &mut BitWriter, calls: &MethodSlot, mut failed: u64) {
    bits.count(calls.callers.len() as u64, 0);
    let mut left = calls.begun;
    for caller in &calls.callers {
        bits.count(caller.caller.into(), 6);
        bits.signed(difference(caller.begun, left), 0);
        bits.signed(difference(caller.failed, failed), 0);
        left = left.saturating_sub(caller.begun);
        failed = failed.saturating_sub(caller.failed);
    }
    bits.flag(calls.entries != left);
    if calls.entries != left {
        bits.count(calls.entries, 4);
    }
}

/// Reads a record and adds it; `None` where no record stands. What is in flight is added only `with_gauges`.
pub(super) fn read_record(
    bits: &mut BitReader<'_>,
    grain: Grain,
    into: Grain,
    with_gauges: bool,
    sum: &mut Sum,
) -> Option<()> {
    sum.is_full &= bits.flag();
    let mut ended = Ended::default();
    read_cells(bits, [grain, into], &mut sum.calls.ok, &mut ended)?;
    for _ in 0..bits.count(0)? {
        let error_type = u32::try_from(bits.count(3)?).ok()?;
        let kind = *KINDS.get(usize::try_from(bits.count(0)?).ok()?)?;
        let before = ended.count;
        read_cells(
            bits,
            [grain, into],
            sum.failure(error_type, kind),
            &mut ended,
        )?;
        ended.tell(kind, before);
    }
    let begun = sum_of(ended.count, bits.signed(1)?);
    sum.calls.begun = plus(sum.calls.begun, begun);
    read_callers(bits, begun, ended.failed, sum)?;
    let busy =
        float_code(ended.seconds * grain.middle(), BUSY_BITS).saturating_add(bits.signed(5)?);
    sum.calls.busy = (sum.calls.busy + coded_float(busy, BUSY_BITS)).min(f64::MAX);
    if bits.flag() {
        let gauges = [bits.count(1)?, bits.count(0)?, bits.count(0)?];
        let oldest = if bits.flag() {
            coded_age(bits.bits(AGE_CODE))
        } else {
            0.0
        };
        if with_gauges {
            sum.gauges(gauges, oldest);
        }
    }
    Some(())
}

fn read_callers(
    bits: &mut BitReader<'_>,
    mut left: u64,
    mut failed: u64,
    sum: &mut Sum,
) -> Option<()> {
    for _ in 0..bits.count(0)? {
        let caller = CallerSlot {
            caller: u32::try_from(bits.count(6)?).ok()?,
            begun: sum_of(left, bits.signed(0)?),
            failed: sum_of(failed, bits.signed(0)?),
        };
        left = left.saturating_sub(caller.begun);
        failed = failed.saturating_sub(caller.failed);
        sum.caller(caller);
    }
    let entries = if bits.flag() { bits.count(4)? } else { left };
    sum.calls.entries = plus(sum.calls.entries, entries);
    Some(())
}

/// What the cells of a record say of the numbers after them.
#[derive(Default)]
struct Ended {
    count: u64,
    /// Those of kind [`FailureKind::Counts`].
    failed: u64,
    /// The upper ends of their cells added up.
    seconds: f64,
}

impl Ended {
    fn add(&mut self, cell: i16, count: u64) {
        self.count = plus(self.count, count);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let count = count as f64;
        self.seconds += count * about(cell);
    }

    /// Sets those since `before` down as of a kind.
    fn tell(&mut self, kind: FailureKind, before: u64) {
        if kind == FailureKind::Counts {
            self.failed = plus(self.failed, self.count - before);
        }
    }
}

/// The upper end of a cell, seconds, without a call of `powi`. Within [`MAX_CELL`] the exponent is that of a normal
/// double.
fn about(cell: i16) -> f64 {
    let [octave, step] = [i64::from(cell).div_euclid(8), i64::from(cell).rem_euclid(8)];
    let power = f64::from_bits((octave + 1024).cast_unsigned() << 52);
    power * OCTAVE[usize::try_from(step).unwrap_or(0)]
}

fn write_cells(bits: &mut BitWriter, cells: &Cells, grain: Grain, ended: &mut Ended) {
    bits.count(cells.0.len() as u64, 1);
    let Some(&(first, _)) = cells.0.first() else {
        return;
    };
    let (usual, first_order) = grain.first();
    let width = grain.width();
    bits.signed((i64::from(first) >> width) - usual, first_order);
    let order = best_order(cells, grain);
    bits.bits(order.into(), 4);
    let mut next = first;
    for &(cell, count) in &cells.0 {
        ended.add(cell, count);
        let empty = (i64::from(cell) - i64::from(next)) >> width;
        if empty > 0 {
            bits.count(0, order);
            bits.count(empty.cast_unsigned() - 1, 0);
        }
        let code = grain.code(count);
        bits.count(code - u64::from(empty > 0 || cell == first), order);
        next = to_cell(i64::from(cell) + (1 << width));
    }
}

fn read_cells(
    bits: &mut BitReader<'_>,
    [grain, into]: [Grain; 2],
    cells: &mut Cells,
    ended: &mut Ended,
) -> Option<()> {
    let mut left = bits.count(1)?;
    if left == 0 {
        return Some(());
    }
    let (usual, first_order) = grain.first();
    let mut cell = bits.signed(first_order)?.saturating_add(usual);
    let order = u32::try_from(bits.bits(4)).ok()?;
    let mut is_told_less = true;
    let mut place = 0;
    while left > 0 {
        let mut code = bits.count(order)? + u64::from(is_told_less);
        if code == 0 {
            cell = cell
                .saturating_add(1)
                .saturating_add_unsigned(bits.count(0)?);
            code = bits.count(order)? + 1;
        }
        is_told_less = false;
        let count = grain.coded(code);
        let here = to_cell(cell.saturating_mul(1 << grain.width()));
        ended.add(here, count);
        add_cell(cells, &mut place, into.cell(here), count);
        cell = cell.saturating_add(1);
        left -= 1;
    }
    Some(())
}

/// The order in which the counts take the fewest bits, of those next to that of their mean.
fn best_order(cells: &Cells, grain: Grain) -> u32 {
    let [Some(first), Some(last)] = [cells.0.first(), cells.0.last()] else {
        return 0;
    };
    let span = ((i64::from(last.0) - i64::from(first.0)) >> grain.width()) + 1;
    let all = cells
        .0
        .iter()
        .fold(0, |all, one| plus(all, grain.code(one.1)));
    // Runs of empty cells are told by their length.
    let told = span.cast_unsigned().min(2 * cells.0.len() as u64);
    let about = (all / told.max(1)).max(1).ilog2().min(15);
    let len = |order: &u32| -> u64 {
        let counts = cells
            .0
            .iter()
            .map(|one| u64::from(count_len(grain.code(one.1), *order)));
        counts.sum::<u64>() + (told - cells.0.len() as u64) * u64::from(order + 1)
    };
    (about.saturating_sub(1)..=(about + 1).min(15))
        .min_by_key(len)
        .unwrap_or(about)
}

fn difference(count: u64, from: u64) -> i64 {
    count.min(MAX_COUNT).cast_signed() - from.min(MAX_COUNT).cast_signed()
}

fn sum_of(from: u64, difference: i64) -> u64 {
    from.saturating_add_signed(difference).min(MAX_COUNT)
}

/// The bits of the fraction of busy seconds that are kept.
const BUSY_BITS: u32 = 8;

/// The same of an age.
const AGE_BITS: u32 = 7;

/// A number that is not negative, as its exponent and so many bits of its fraction.
fn float_code(value: f64, kept: u32) -> i64 {
    if value > 0.0 && value.is_finite() {
        let drop = 52 - kept;
        // Half a step more before the rest is dropped: the nearest code.
        ((value.to_bits() + (1 << (drop - 1))) >> drop).cast_signed()
    } else {
        0
    }
}

fn coded_float(code: i64, kept: u32) -> f64 {
    let value = f64::from_bits(code.clamp(0, 0x7FF << kept).cast_unsigned() << (52 - kept));
    if value.is_finite() { value } else { f64::MAX }
}

/// The bits of the code of an age: six for its exponent.
const AGE_CODE: u32 = 6 + AGE_BITS;

/// Ages are from 2^-24 s, which is 60 ns, to 2^40 s, and lower and higher ones are taken as the ends; code 0 is none.
const AGE_BIAS: i64 = (1023 - 24) << AGE_BITS;

fn age_code(age: f64) -> u64 {
    if age > 0.0 {
        let code = float_code(age, AGE_BITS) - AGE_BIAS;
        code.clamp(1, (1 << AGE_CODE) - 1).cast_unsigned()
    } else {
        0
    }
}

fn coded_age(code: u64) -> f64 {
    if code == 0 {
        0.0
    } else {
        coded_float(code.cast_signed() + AGE_BIAS, AGE_BITS)
    }
}

#[cfg(test)]
pub(super) mod tests;
