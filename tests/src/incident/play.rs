//! Feeds a case, slot by slot, to the history and the verdict of a service.
//!
//! The times of the case are the clock. A start of the process makes a new [`Watch`], as a new process has one; while it is
//! down nothing is fed.

use std::collections::BTreeMap;
use std::sync::Arc;

use monitor_core::history::{Facts, HistoryConfig};
use monitor_core::slot::{
    Boot, CallerSlot, Cells, CheckResult, FailureKind, FailureSlot, MethodSlot, Slot,
};
use monitor_core::verdict::{Headline, Watch};

use super::case::{Case, CaseBoot, CaseCalls, CaseSlot, STEP};

/// The cell of a native histogram whose middle is nearest to that of cell 0 of a case: `1 + 8 log2(1e-6)`, rounded up.
const FIRST_CELL: i64 = -158;

/// What was said at the end of each slot, seconds.
pub fn play(case: &Case) -> Vec<(f64, Headline)> {
    let mut player = Player::new(case);
    let mut said = Vec::with_capacity(case.steps);
    for step in 0..case.steps {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let end = (step + 1) as f64 * STEP;
        player.start(end);
        if !case.down.iter().any(|(from, to)| *from < end && end <= *to) {
            let slot = player.slot(step, end);
            player.watch.feed(&slot, &Facts::default());
            said.push((end, player.watch.headline()));
        }
    }
    said
}

struct Player<'a> {
    case: &'a Case,
    calls: Vec<Vec<CaseSlot>>,
    types: Vec<String>,
    callers: Vec<Vec<u32>>,
    /// The results of each check that were fed.
    checked: Vec<usize>,
    flight: Vec<u64>,
    boots: usize,
    watch: Watch,
}

impl<'a> Player<'a> {
    fn new(case: &'a Case) -> Self {
        let methods = case.methods.len();
        let mut types: Vec<_> = case.data.iter().flat_map(CaseCalls::types).collect();
        types.sort_unstable();
        types.dedup();
        let mut callers = vec![Vec::new(); methods];
        for &(caller, callee) in case.edges.iter().flatten() {
            callers[callee].push(u32::try_from(caller).unwrap_or(u32::MAX));
        }
        let mut player = Self {
            case,
            calls: (0..methods).map(|method| case.calls(method)).collect(),
            types: types.into_iter().cloned().collect(),
            callers,
            checked: vec![0; case.checks.len()],
            flight: vec![0; methods],
            boots: 0,
            watch: Watch::new(&HistoryConfig::default(), 0.0, Vec::new()),
        };
        player.restart();
        player
    }

    /// A new process, where one started by now.
    fn start(&mut self, now: f64) {
        let due = self.case.boots.iter().take_while(|boot| boot.t <= now);
        let due = due.count();
        if due > self.boots {
            self.boots = due;
            self.restart();
        }
    }

    fn restart(&mut self) {
        self.flight.fill(0);
        let boots = self.case.boots[..self.boots].iter().map(boot_of).collect();
        self.watch = Watch::new(&HistoryConfig::default(), 0.0, boots);
        let book = self.watch.book_mut();
        let names = self.case.methods.iter().map(|one| one.name.as_str().into());
        book.methods = names.collect();
        book.types = self.types.iter().map(|one| one.as_str().into()).collect();
    }

    fn slot(&mut self, step: usize, end: f64) -> Slot {
        let methods = (0..self.calls.len()).map(|method| self.method(method, step));
        let methods: Vec<_> = methods.filter(is_active).collect();
        let entries = self.entries(&methods);
        for (calls, flight) in self.calls.iter().zip(&mut self.flight) {
            *flight = calls[step].flight;
        }
        Slot {
            tick: step as u64,
            begin: end - STEP,
            end,
            entries,
            methods,
            checks: self.checks(end),
        }
    }

    /// The calls of all methods that no other calls.
    fn entries(&self, methods: &[MethodSlot]) -> MethodSlot {
        let is_entry = |one: &&MethodSlot| self.callers[one.method as usize].is_empty();
        let mut sum = MethodSlot::default();
        for one in methods.iter().filter(is_entry) {
            sum.begun += one.begun;
            sum.entries += one.entries;
            sum.ok.add(&one.ok);
            sum.failures.extend(one.failures.iter().cloned());
            sum.busy += one.busy;
            sum.in_flight += one.in_flight;
            sum.oldest = sum.oldest.max(one.oldest);
        }
        sum
    }

    fn method(&self, method: usize, step: usize) -> MethodSlot {
        let calls = &self.calls[method][step];
        let begun = (calls.ended() + calls.flight).saturating_sub(self.flight[method]);
        let failed: u64 = calls.fail.values().flatten().map(|(_, count)| count).sum();
        let callers = &self.callers[method];
        MethodSlot {
            method: u32::try_from(method).unwrap_or(u32::MAX),
            begun,
            entries: if callers.is_empty() { begun } else { 0 },
            ok: cells_of(&calls.ok),
            failures: self.failures(method, &calls.fail),
            callers: divided(callers, begun, failed, step),
            busy: busy_of(calls),
            in_flight: calls.flight,
            oldest: calls.oldest,
            ages: calls.ages.clone(),
            waiting: calls.wait,
            permits: self.case.methods[method].permits.unwrap_or(0),
        }
    }

    fn failures(
        &self,
        method: usize,
        fail: &BTreeMap<String, Vec<(i64, u64)>>,
    ) -> Vec<FailureSlot> {
        let expected = &self.case.methods[method].expected;
        let kind_of = |name: &String| match name.as_str() {
            "cancelled" => FailureKind::Cancelled,
            _ if expected.contains(name) => FailureKind::Expected,
            _ => FailureKind::Counts,
        };
        let type_of = |name: &String| self.types.binary_search(name).unwrap_or_default();
        let slots = fail.iter().map(|(name, cells)| FailureSlot {
            error_type: u32::try_from(type_of(name)).unwrap_or(u32::MAX),
            kind: kind_of(name),
            cells: cells_of(cells),
        });
        slots.collect()
    }

    /// The results of checks up to a time that were not fed before.
    fn checks(&mut self, end: f64) -> Vec<CheckResult> {
        let mut results = Vec::new();
        for (check, fed) in self.case.checks.iter().zip(&mut self.checked) {
            let name: Arc<str> = check.name.as_str().into();
            let due = check.results[*fed..].iter();
            for &(at, up) in due.take_while(|(at, _)| *at <= end) {
                *fed += 1;
                results.push(CheckResult {
                    name: name.clone(),
                    at,
                    is_up: up != 0,
                    output: None,
                });
            }
        }
        results
    }
}

fn boot_of(boot: &CaseBoot) -> Boot {
    Boot {
        at: boot.t,
        version: boot.version.as_deref().map(Into::into),
        is_clean: boot.clean,
    }
}

/// A method stands in a slot if a call began, ended or was in flight.
fn is_active(one: &MethodSlot) -> bool {
    one.begun > 0 || one.in_flight > 0 || one.waiting > 0 || one.ended() > 0
}

fn cells_of(cells: &[(i64, u64)]) -> Cells {
    let native = |(cell, count): &(i64, u64)| {
        let cell = i16::try_from(cell + FIRST_CELL).unwrap_or(i16::MAX);
        (cell, *count)
    };
    let mut sum = Cells::default();
    for one in cells.iter().map(native).filter(|(_, count)| *count > 0) {
        sum.add(&Cells(vec![one]));
    }
    sum
}

/// The case has which methods call, and not how often: all callers are given the same number, and what is left over to
/// others in each slot, so that each has calls of a method that is seldom called.
fn divided(callers: &[u32], begun: u64, failed: u64, step: usize) -> Vec<CallerSlot> {
    let number = callers.len() as u64;
    let turned = |at: u64| (at + step as u64) % number;
    let share = |all: u64, at: u64| all / number + u64::from(turned(at) < all % number);
    let slots = callers.iter().zip(0..).map(|(&caller, at)| CallerSlot {
        caller,
        begun: share(begun, at),
        failed: share(failed, at),
    });
    slots.filter(|one| one.begun + one.failed > 0).collect()
}

/// About the seconds that calls spent in the slot: the durations of those that ended, and 2 s for those in flight that
/// are older, no call more than 2 s.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn busy_of(calls: &CaseSlot) -> f64 {
    let ended = calls.fail.values().flatten().chain(&calls.ok);
    let seconds = |cell: i64| (1e-6 * ((cell as f64 + 0.5) / 8.0).exp2()).min(STEP);
    let ended: f64 = ended.map(|(cell, n)| seconds(*cell) * *n as f64).sum();
    let old: u32 = calls.ages.iter().skip(1).sum();
    ended + f64::from(old) * STEP
}
