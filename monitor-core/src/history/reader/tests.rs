//! Slots from calls: on a manual clock, where each number is exact, and beside running threads, where sums are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::base::clock::ManualClock;
use crate::data::slot::Cells;
use crate::{Clock, Monitor, Outcome, StorageConfig};

struct Case {
    monitor: Monitor,
    hand: ManualClock,
    reader: Reader,
    book: Book,
}

impl Case {
    fn new() -> Self {
        let (clock, hand) = Clock::manual(0.0);
        let monitor = Monitor::with_clock(StorageConfig::default(), clock);
        Self {
            monitor,
            hand,
            reader: Reader::new(monitor.storage().core),
            book: Book::default(),
        }
    }

    fn advance(&self, seconds: f64) {
        self.hand.advance(Duration::from_secs_f64(seconds));
    }

    fn call(&self, name: &str, seconds: f64, outcome: Outcome<'_>) {
        let call = self.monitor.method(name).expect("a good name").start();
        self.advance(seconds);
        call.finish(outcome);
    }

    fn look(&mut self) -> Slot {
        let core = self.monitor.storage().core;
        self.reader.look(core.clock.now(), &mut self.book)
    }

    fn place(&self, name: &str) -> u32 {
        let place = self.book.methods.iter().position(|one| **one == *name);
        u32::try_from(place.expect("it is in the book")).expect("few")
    }

    fn type_name(&self, failure: &FailureSlot) -> &str {
        &self.book.types[failure.error_type as usize]
    }
}

fn of(slot: &Slot, method: u32) -> &MethodSlot {
    let found = slot.methods.iter().find(|one| one.method == method);
    found.expect("it has calls")
}

#[test]
fn a_slot_has_what_came_since_the_one_before() {
    let mut case = Case::new();
    case.call("Get", 0.5, Outcome::Success);
    case.call("Get", 0.5, Outcome::Success);
    case.call("Get", 2.0, Outcome::ErrorType("timed out"));
    let slot = case.look();
    let get = of(&slot, case.place("Get"));
    assert_eq!((get.begun, get.entries, get.in_flight), (3, 3, 0));
    // Half a second is 2^(-8/8), two are 2^(8/8).
    assert_eq!(get.ok, Cells(vec![(-8, 2)]));
    assert_eq!(get.failures[0].cells, Cells(vec![(8, 1)]));
    assert!((get.busy - 3.0).abs() < 1e-9, "{}", get.busy);
    case.call("Get", 0.5, Outcome::Success);
    let slot = case.look();
    let get = of(&slot, case.place("Get"));
    assert_eq!((get.begun, get.ended(), get.failures.len()), (1, 1, 0));
    assert!((get.busy - 0.5).abs() < 1e-9);
    assert_eq!(case.look().methods, []);
}

#[test]
fn a_call_in_flight_is_there_with_its_age_in_each_slot() {
    let mut case = Case::new();
    let method = case.monitor.method("Wait").expect("a good name");
    let old = method.start();
    case.advance(5.0);
    let young = method.start();
    case.advance(0.5);
    let slot = case.look();
    let wait = of(&slot, case.place("Wait"));
    assert_eq!((wait.begun, wait.in_flight), (2, 2));
    // 5.5 s are from 2^2 to below 2^3; half a second has no place.
    assert_eq!((&*wait.ages, wait.oldest), (&[0, 0, 1][..], 5.5));
    assert!((wait.busy - 6.0).abs() < 1e-9);
    case.advance(2.0);
    let slot = case.look();
    let wait = of(&slot, case.place("Wait"));
    assert_eq!(
        (wait.begun, wait.in_flight, &*wait.ages),
        (0, 2, &[0, 1, 1][..])
    );
    assert!((wait.busy - 4.0).abs() < 1e-9);
    old.finish(Outcome::Success);
    young.finish(Outcome::Success);
    let slot = case.look();
    let wait = of(&slot, case.place("Wait"));
    assert_eq!((wait.ended(), wait.in_flight, wait.oldest), (2, 0, 0.0));
    assert!(wait.busy.abs() < 1e-9 && wait.ages.is_empty());
    assert_eq!(slot.entries.ended(), 2);
}

#[test]
fn failures_stand_by_type_and_kind() {
    let mut case = Case::new();
    let method = case.monitor.method("Get").expect("a good name");
    case.call("Get", 1.0, Outcome::ErrorType("timed out"));
    case.call("Get", 1.0, Outcome::Expected("not found"));
    case.call("Get", 1.0, Outcome::Panic);
    drop(method.start());
    let slot = case.look();
    let get = of(&slot, case.place("Get"));
    let kinds = |kind| get.failed(kind);
    assert_eq!(get.ended(), 4);
    assert_eq!(get.ok.count(), 0);
    let panics = get
        .failures
        .iter()
        .find(|one| case.type_name(one) == "panic");
    assert_eq!(panics.map(|one| one.kind), Some(FailureKind::Counts));
    assert_eq!(kinds(FailureKind::Cancelled), 1);
    assert_eq!(kinds(FailureKind::Counts) + kinds(FailureKind::Expected), 3);
    assert_eq!(slot.entries.failures, get.failures);
}

#[test]
fn callers_are_methods_and_entry_calls_have_none() {
    let mut case = Case::new();
    let names = ["Serve", "Load"].map(|name| case.monitor.method(name).expect("a good name"));
    let [serve, load] = names;
    case.monitor.scope_sync(|| {
        let call = serve.start();
        call.run(|| {
            load.start().finish(Outcome::Success);
            load.start().finish(Outcome::Panic);
        });
        call.finish(Outcome::Success);
    });
    load.start().finish(Outcome::Success);
    let slot = case.look();
    let [serve, load] = ["Serve", "Load"].map(|name| case.place(name));
    let caller = CallerSlot {
        caller: serve,
        begun: 2,
        failed: 1,
    };
    let calls = of(&slot, load);
    assert_eq!(calls.callers, [caller]);
    assert_eq!((calls.begun, calls.entries), (3, 1));
    assert_eq!(of(&slot, serve).callers, []);
    assert_eq!((slot.entries.begun, slot.entries.ended()), (2, 2));
    // Once more without any failure.
    assert_eq!(case.look().methods, []);
}

#[test]
fn label_sets_are_one_method() {
    let mut case = Case::new();
    for tenant in ["a", "b", "a"] {
        let method = case.monitor.method("Get").expect("a good name");
        let method = method.with_labels(&[("tenant", tenant)]);
        method
            .expect("a good label")
            .start()
            .finish(Outcome::Success);
    }
    let slot = case.look();
    assert_eq!(slot.methods.len(), 1);
    assert_eq!(slot.methods[0].begun, 3);
    assert_eq!(case.book.methods.len(), 1);
}

#[test]
fn the_shortest_calls_are_in_the_lowest_cell() {
    let mut case = Case::new();
    case.call("Get", 0.0, Outcome::Success);
    let slot = case.look();
    let [(cell, 1)] = slot.methods[0].ok.0[..] else {
        panic!("{:?}", slot.methods[0].ok);
    };
    assert!(Cells::upper(cell) < 1e-7, "{cell}");
}

/// Sums over slots, by method.
#[derive(Default)]
struct Sums {
    begun: [u64; 2],
    ended: [u64; 2],
    failed: [u64; 2],
    /// Begun and failed, of `Load` from `Serve`.
    by_caller: [u64; 2],
    busy: f64,
    entries: [u64; 2],
}

impl Sums {
    fn add(&mut self, slot: &Slot, book: &Book) {
        for one in &slot.methods {
            let at = usize::from(*book.methods[one.method as usize] != *"Serve");
            self.begun[at] += one.begun;
            self.ended[at] += one.ended();
            self.failed[at] += one.failed(FailureKind::Counts);
            assert_eq!(one.in_flight, self.begun[at] - self.ended[at]);
            for caller in &one.callers {
                self.by_caller[0] += caller.begun;
                self.by_caller[1] += caller.failed;
            }
            assert!(one.busy >= 0.0 && one.oldest >= 0.0);
            self.busy += one.busy;
        }
        self.entries[0] += slot.entries.begun;
        self.entries[1] += slot.entries.ended();
    }
}

/// Ends the threads of a test, also where it panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn slots_beside_running_threads_add_up_to_the_totals() {
    let monitor = Monitor::new(StorageConfig::default());
    let [serve, load] = ["Serve", "Load"].map(|name| monitor.method(name).expect("a good name"));
    let work = |calls: u64| {
        monitor.scope_sync(|| {
            let call = serve.start();
            call.run(|| {
                let fails = calls.is_multiple_of(3);
                let outcome = if fails {
                    Outcome::Panic
                } else {
                    Outcome::Success
                };
                load.start().finish(outcome);
            });
            call.finish(Outcome::Success);
        });
    };
    let core = monitor.storage().core;
    let (mut reader, mut book) = (Reader::new(core), Book::default());
    let (is_over, mut sums) = (AtomicBool::new(false), Sums::default());
    let begin = std::time::Instant::now();
    let until_over = || (0..).take_while(|_| !is_over.load(Ordering::Relaxed));
    let made: u64 = std::thread::scope(|scope| {
        let over = Over(&is_over);
        let thread = || scope.spawn(|| until_over().inspect(|calls| work(*calls)).count() as u64);
        let threads: Vec<_> = (0..3).map(|_| thread()).collect();
        while sums.ended[1] < 20_000 {
            sums.add(&reader.look(core.clock.now(), &mut book), &book);
        }
        drop(over);
        let calls = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        calls.sum()
    });
    sums.add(&reader.look(core.clock.now(), &mut book), &book);
    let elapsed = begin.elapsed().as_secs_f64();
    assert_eq!((sums.begun, sums.ended), ([made; 2], [made; 2]));
    assert_eq!(sums.entries, [made; 2]);
    let snapshot = monitor.snapshot();
    let failures = |name: &str| {
        let found = snapshot.methods.iter().find(|one| *one.name == *name);
        found.map_or(0, |one| one.failure.count())
    };
    assert_eq!(sums.failed, [0, failures("Load")]);
    assert_eq!(sums.by_caller, [made, failures("Load")]);
    let methods = snapshot.methods.iter();
    let seconds: f64 = methods.map(|one| one.success.sum + one.failure.sum).sum();
    // A thread that is stopped between the end of a call and the release of its slot makes that call look older than it gets.
    let stopped = sums.busy - seconds;
    assert!(
        (-1e-6..elapsed).contains(&stopped),
        "{} of {seconds}",
        sums.busy
    );
}
