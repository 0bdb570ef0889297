//! Model-checker tests of the shipped code: every interleaving and every reordering the memory model allows, of a few
//! threads and a few calls. Run by `scripts/test` with `--cfg monitor_loom`, where the sizes of rings, slots and
//! buckets are small (see their constants).

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use loom::thread;

use crate::base::append::Latest;
use crate::base::clock::{Clock, ManualClock, to_f64};
use crate::base::sync::leak;
use crate::data::status::TaskStatus;
use crate::errors::{ErrorText, ErrorView, Outcome};
use crate::recording::cells::CellCounts;
use crate::recording::config::StorageConfig;
use crate::recording::current::CallWord;
use crate::recording::guard::CallGuard;
use crate::recording::in_flight::TaskSlots;
use crate::recording::label_sets::MethodId;
use crate::recording::last_errors::{KeptText, LastErrors};
use crate::recording::method::MethodCore;
use crate::recording::partition::BucketTotals;
use crate::recording::partition::TickPartition;
use crate::recording::ring::{LONG, Ring, ValueRing};
use crate::recording::shard::Failure;
use crate::recording::store::StorageCore;
use crate::recording::streak::{Streak, StreakPart};
use crate::recording::successes::{BATCH, SuccessTotals, Successes};
use crate::recording::thread::Local;
use crate::storage::collect::MethodCounts;

/// The number of the one method of a model.
const METHOD: u32 = 1;

/// More preemptions than this a thread find nothing more in practice and cost minutes (the bound loom's own
/// documentation suggests is 2 or 3).
const PREEMPTIONS: usize = 3;

pub(crate) fn check(model: impl Fn() + Sync + Send + 'static) {
    check_with(PREEMPTIONS, model);
}

fn check_with(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    // Std's: it is no part of the model.
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        model();
    });
    let runs = runs.load(Relaxed);
    println!("{runs} runs");
    assert!(runs > 1, "a model with one run explores nothing");
}

fn storage() -> (&'static StorageCore, &'static MethodCore, ManualClock) {
    let (clock, hand) = Clock::manual(0.0);
    let core = StorageCore::new(StorageConfig::default(), clock);
    (core, core.method_of(MethodId::fixed("Get", METHOD)), hand)
}

/// A thread's table, as a thread that records has it.
fn local(core: &'static StorageCore) -> Local {
    let local = Local::new();
    // For good: the thread of a model hands its record back itself, where it does.
    std::mem::forget(local.enter(core));
    local
}

fn end(call: CallGuard, local: &Local, failure: Option<Failure>) {
    call.end(local, failure);
}

fn ill(status: TaskStatus) -> Failure {
    Failure {
        error_type: 0,
        status: Some(status),
    }
}

/// The values a scrape reads of the method, and the busy time it reports.
struct Scrape {
    counts: MethodCounts,
    busy: f64,
}

fn counts(core: &StorageCore, method: &MethodCore) -> MethodCounts {
    let (fixed, now) = (method.shared.fixed_cells(), core.clock.now());
    let counts = MethodCounts::read(method, fixed, true, now, &mut BucketTotals::default());
    for outcome in [&counts.success, &counts.failure] {
        let classic = &outcome.buckets.classic;
        assert_eq!(classic.iter().sum::<u64>(), outcome.calls);
    }
    counts
}

fn scrape(core: &StorageCore, method: &MethodCore) -> Scrape {
    let counts = counts(core, method);
    let ticks = counts.success.ticks + counts.failure.ticks + counts.ages.sum;
    let busy = core.busy(core.clock.in_seconds(ticks));
    // The equalities a scrape keeps at any moment.
    assert!(counts.started >= counts.finished());
    assert_eq!(counts.errors.iter().sum::<u64>(), failures(&counts));
    Scrape { counts, busy }
}

fn successes(counts: &MethodCounts) -> u64 {
    counts.success.calls
}

fn failures(counts: &MethodCounts) -> u64 {
    counts.failure.calls
}

fn assert_not_before(later: &Scrape, earlier: &Scrape) {
    assert!(later.counts.started >= earlier.counts.started);
    assert!(successes(&later.counts) >= successes(&earlier.counts));
    assert!(failures(&later.counts) >= failures(&earlier.counts));
    assert!(later.counts.success.ticks >= earlier.counts.success.ticks);
    assert!(later.busy >= earlier.busy);
}

/// Two scrapes of which the second is not before the first, on a thread of their own: the checker runs the first step of
/// the main one before another's alone.
fn scrape_twice(
    core: &'static StorageCore,
    method: &'static MethodCore,
) -> thread::JoinHandle<Scrape> {
    thread::spawn(move || {
        let first = scrape(core, method);
        let second = scrape(core, method);
        assert_not_before(&second, &first);
        second
    })
}

#[test]
fn a_call_that_ends_on_another_thread_is_never_ahead_of_its_start() {
    check(|| {
        let (core, method, _) = storage();
        let starter = thread::spawn(move || {
            let local = local(core);
            let call = CallGuard::start_in(&local, method);
            thread::spawn(move || {
                let elsewhere = self::local(core);
                end(call, &elsewhere, None);
            })
        });
        scrape(core, method);
        let ender = starter.join().expect("no panic");
        scrape(core, method);
        ender.join().expect("no panic");
        let last = scrape(core, method).counts;
        assert_eq!((last.started, last.finished()), (1, 1));
        assert!(last.ages.sum == 0.0);
    });
}

#[test]
fn success_and_failure_add_up_in_every_snapshot_and_never_fall() {
    check_with(1, || {
        let (core, method, _) = storage();
        let caller = thread::spawn(move || {
            let local = local(core);
            end(CallGuard::start_in(&local, method), &local, None);
            let failure = Some(ill(TaskStatus::Internal));
            end(CallGuard::start_in(&local, method), &local, failure);
        });
        scrape_twice(core, method).join().expect("no panic");
        caller.join().expect("no panic");
        let last = scrape(core, method).counts;
        assert_eq!((successes(&last), failures(&last)), (1, 1));
        assert_eq!(last.errors, [1]);
    });
}

#[test]
fn a_record_handed_back_is_adopted_whole() {
    check(|| {
        let (core, method, _) = storage();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                thread::spawn(move || {
                    let local = local(core);
                    end(CallGuard::start_in(&local, method), &local, None);
                    local.hand_back();
                })
            })
            .collect();
        scrape(core, method);
        for thread in threads {
            thread.join().expect("no panic");
        }
        let last = scrape(core, method).counts;
        assert_eq!((last.started, last.finished()), (2, 2));
    });
}

#[test]
fn busy_time_never_reports_less_than_before() {
    check(|| {
        let (core, method, hand) = storage();
        let caller = thread::spawn(move || {
            let local = local(core);
            let call = CallGuard::start_in(&local, method);
            hand.advance(Duration::from_secs(1));
            end(call, &local, None);
        });
        let second = scrape_twice(core, method).join().expect("no panic");
        caller.join().expect("no panic");
        let last = scrape(core, method);
        assert_not_before(&last, &second);
        assert!((last.counts.success.ticks - 1e9).abs() < 1e-9);
        assert!((last.busy - 1.0).abs() < 1e-9);
    });
}

#[test]
fn a_slot_released_elsewhere_is_reclaimed_once_and_never_shows_two_tasks() {
    check(|| {
        let slots: &'static TaskSlots = leak(TaskSlots::new());
        let (first, second) = (
            slots.claim(10, CallWord::NONE),
            slots.claim(20, CallWord::NONE),
        );
        let elsewhere = thread::spawn(move || {
            slots.release_elsewhere(first);
            slots.release_elsewhere(second);
        });
        let third = slots.claim(30, CallWord::NONE);
        let seen: Vec<u64> = slots.starts().collect();
        assert!(seen.contains(&30));
        assert!(seen.iter().all(|start| [10, 20, 30].contains(start)));
        elsewhere.join().expect("no panic");
        let fourth = slots.claim(40, CallWord::NONE);
        assert_ne!(third, fourth);
        let mut left: Vec<u64> = slots.starts().collect();
        left.sort_unstable();
        assert_eq!(left, [30, 40]);
    });
}

#[test]
fn a_slot_never_shows_the_caller_of_another_task() {
    check(|| {
        let slots: &'static TaskSlots = leak(TaskSlots::new());
        let caller = |number| CallWord::new(number, 1, 0);
        let first = slots.claim(10, caller(10));
        let owner = thread::spawn(move || {
            slots.release(first);
            let second = slots.claim(20, caller(20));
            assert_eq!(second, first);
            // Its body is polled within other calls.
            let slot = slots.cell(second).expect("it is there");
            slot.suspend();
            slot.resume(caller(21));
        });
        let seen: Vec<_> = slots.tasks().collect();
        for task in seen {
            let callers: &[u32] = if task.start == 10 { &[10] } else { &[20, 21] };
            assert!(callers.contains(&task.caller.shard()), "{task:?}");
        }
        owner.join().expect("no panic");
        let task = slots.task(first).expect("it is in flight");
        assert_eq!((task.start, task.caller), (20, caller(21)));
    });
}

#[test]
fn the_calls_of_a_method_are_the_sum_over_their_callers() {
    check_with(1, || {
        let (core, method, _) = storage();
        let caller = core.method_of(MethodId::fixed("Serve", METHOD + 1));
        let thread = thread::spawn(move || {
            let local = local(core);
            end(CallGuard::start_in(&local, method), &local, None);
            let outer = CallGuard::start_in(&local, caller);
            local.set_current(outer.word());
            let failure = Some(ill(TaskStatus::Internal));
            end(CallGuard::start_in(&local, method), &local, failure);
            local.set_current(CallWord::NONE);
            end(outer, &local, None);
        });
        let reader = thread::spawn(move || {
            for _ in 0..2 {
                let counts = counts(core, method);
                assert!(counts.started >= counts.finished());
                assert!(counts.entries.started >= counts.entries.finished);
                assert!(counts.callers.failed() <= failures(&counts));
            }
        });
        reader.join().expect("no panic");
        thread.join().expect("no panic");
        let last = scrape(core, method).counts;
        assert_eq!((last.started, last.entries.started), (2, 1));
        assert_eq!(last.callers.failed(), 1);
    });
}

#[test]
fn a_reader_never_takes_an_overwritten_entry_for_the_one_it_was() {
    check(|| {
        let ring: &'static Ring = leak(Ring::new());
        ring.push(0, 100);
        ring.push(0, 101);
        let writer = thread::spawn(move || {
            for i in 2..6 {
                ring.push(0, 100 + i);
            }
        });
        let entries: Vec<_> = ring.cursor().collect();
        let intact = ring.intact_from();
        for entry in entries.iter().filter(|entry| entry.seq >= intact) {
            assert_eq!(entry.duration, 100 + entry.seq);
        }
        writer.join().expect("no panic");
        let last: Vec<u64> = ring.cursor().map(|entry| entry.duration).collect();
        assert_eq!(last, [105, 104]);
    });
}

/// One thread's part in a status.
#[derive(Default)]
struct Part {
    seen: StreakPart,
    failures: StreakPart,
}

impl Part {
    fn succeed(&self, state: &Streak, before: u64) {
        if !state.is_known_ok(&self.seen) {
            state.note_ok(&self.seen, Some(&self.failures), before);
        }
    }

    fn fail(&self, state: &Streak) {
        state.note_failure(&self.seen, &self.failures, TaskStatus::Fatal);
    }

    fn run(&self, word: u64, ok_now: u64) -> u64 {
        self.seen.successes(word, || ok_now) + self.failures.failures(word)
    }
}

#[test]
fn a_status_is_that_of_one_of_the_last_calls_and_its_run_is_whole_at_rest() {
    check(|| {
        let state: &'static Streak = leak(Streak::default());
        let parts: &'static [Part; 2] = leak([Part::default(), Part::default()]);
        let failing = thread::spawn(move || {
            parts[0].fail(state);
            parts[0].fail(state);
        });
        parts[1].succeed(state, 0);
        let read = || state.read(|word| parts[0].run(word, 0) + parts[1].run(word, 1));
        assert!(read().is_none_or(|(_, run)| (1..=2).contains(&run)));
        failing.join().expect("no panic");
        match read().expect("it was set") {
            (TaskStatus::Fatal, run) => assert!((1..=2).contains(&run)),
            (TaskStatus::Ok, run) => assert_eq!(run, 1),
            (other, _) => panic!("{other} was never set"),
        }
    });
}

#[test]
fn threads_that_alternate_leave_the_status_of_a_last_call() {
    check(|| {
        let state: &'static Streak = leak(Streak::default());
        let parts: &'static [Part; 2] = leak([Part::default(), Part::default()]);
        let other = thread::spawn(move || {
            parts[0].fail(state);
            parts[0].succeed(state, 0);
        });
        parts[1].succeed(state, 0);
        parts[1].fail(state);
        other.join().expect("no panic");
        // Either thread's last call may be the last of all, and both may be in one run.
        let read = state.read(|word| parts[0].run(word, 1) + parts[1].run(word, 1));
        match read.expect("it was set") {
            (TaskStatus::Fatal | TaskStatus::Ok, run) => assert!((1..=2).contains(&run)),
            (other, _) => panic!("{other} was never set"),
        }
    });
}

#[test]
fn the_fallback_shard_has_one_writer_at_a_time() {
    check(|| {
        let (core, method, _) = storage();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                thread::spawn(move || {
                    method.with_fallback(false, |shard| {
                        let slot = shard.begin(CallWord::NONE);
                        shard.end_ok(slot, false);
                    })
                })
            })
            .collect();
        scrape(core, method);
        for thread in threads {
            thread.join().expect("no panic");
        }
        let last = scrape(core, method).counts;
        assert_eq!((last.started, last.finished()), (2, 2));
    });
}

#[test]
fn a_value_is_never_taken_for_that_of_another_call() {
    check(|| {
        let ring: &'static Ring = leak(Ring::new());
        let values: &'static ValueRing = leak(ValueRing::new());
        values.push(0, 0.0);
        ring.push(0, 0);
        let writer = thread::spawn(move || {
            // The call with number 4 observes nothing.
            for i in 1..6_u32 {
                if i != 4 {
                    values.push(u64::from(i), f64::from(i));
                }
                ring.push(0, u64::from(i));
            }
        });
        for entry in ring.cursor() {
            let value = values.get(entry.seq);
            if entry.seq >= ring.intact_from() {
                let observed = (entry.seq != 4).then(|| to_f64(entry.seq));
                assert_eq!(value, observed);
            }
        }
        writer.join().expect("no panic");
    });
}

#[test]
fn a_long_duration_is_that_of_its_entry() {
    check(|| {
        let ring: &'static Ring = leak(Ring::new());
        ring.push(0, LONG);
        let writer = thread::spawn(move || {
            for i in 1..6 {
                ring.push(0, LONG + i);
            }
        });
        let entries: Vec<_> = ring.cursor().collect();
        let intact = ring.intact_from();
        for entry in entries.iter().filter(|entry| entry.seq >= intact) {
            assert_eq!(entry.duration, LONG + entry.seq);
        }
        writer.join().expect("no panic");
    });
}

#[test]
fn slots_released_by_two_threads_at_once_both_come_back() {
    check(|| {
        let slots: &'static TaskSlots = leak(TaskSlots::new());
        let [first, second, third] = [10, 20, 30].map(|start| slots.claim(start, CallWord::NONE));
        let releasers =
            [first, second].map(|slot| thread::spawn(move || slots.release_elsewhere(slot)));
        let (fourth, fifth) = (
            slots.claim(40, CallWord::NONE),
            slots.claim(50, CallWord::NONE),
        );
        for releaser in releasers {
            releaser.join().expect("no panic");
        }
        let mut left: Vec<u64> = slots.starts().collect();
        left.sort_unstable();
        assert_eq!(left, [30, 40, 50]);
        assert!(third != fourth && fourth != fifth);
    });
}

#[test]
fn a_reader_of_the_newest_value_sees_one_that_was_stored() {
    check(|| {
        let latest: &'static Latest<u32> = leak(Latest::new(0));
        let other = thread::spawn(move || {
            latest.store(1);
            assert_ne!(*latest.load(), 0);
        });
        latest.store(2);
        assert_ne!(*latest.load(), 0);
        other.join().expect("no panic");
        assert_ne!(*latest.load(), 0);
    });
}

#[test]
fn scopes_of_one_storage_on_two_threads_pass_their_records_on() {
    check(|| {
        let (core, method, _) = storage();
        let starter = thread::spawn(move || {
            let local = Local::new();
            let scope = local.enter(core);
            let call = CallGuard::start_in(&local, method);
            drop(scope);
            // The record is anybody's now; the call is still in flight.
            call
        });
        let local = Local::new();
        let scope = local.enter(core);
        end(CallGuard::start_in(&local, method), &local, None);
        drop(scope);
        let call = starter.join().expect("no panic");
        let scope = local.enter(core);
        end(call, &local, None);
        drop(scope);
        let last = scrape(core, method).counts;
        assert_eq!((last.started, last.finished()), (2, 2));
        assert!(last.ages.sum == 0.0);
    });
}

#[test]
fn a_method_made_beside_a_configuration_has_its_limit() {
    check(|| {
        let (core, _, _) = storage();
        let maker = thread::spawn(move || {
            core.method_of(MethodId::fixed("New", METHOD + 1));
        });
        core.configure(StorageConfig {
            max_workers: 2,
            ..StorageConfig::default()
        });
        maker.join().expect("no panic");
        let method = core.method_of(MethodId::fixed("New", METHOD + 1));
        assert_eq!(method.shared.permits.available(), 2);
    });
}

/// An error of each thread of a model: its type and its times go with its text.
const TEXTS: [(&str, u32, u64); 3] = [("one text", 1, 1), ("another text", 2, 2), ("third", 3, 3)];

fn enter_text(errors: &LastErrors, which: usize) {
    let (text, error_type, now) = TEXTS[which];
    errors.enter(text, error_type, now);
}

/// Each text was entered at most this often.
fn assert_whole(kept: &KeptText, most: u64) {
    let known = (&*kept.text, kept.error_type, kept.first);
    assert!(TEXTS.contains(&known), "{kept:?}");
    assert_eq!(kept.last, kept.first);
    assert!((1..=most).contains(&kept.count), "{kept:?}");
}

/// The slots of a method, with one text in their only slot.
fn with_one_text() -> &'static LastErrors {
    let errors = leak(LastErrors::new(1));
    enter_text(errors, 0);
    errors
}

#[test]
fn a_reader_has_a_whole_error_text_or_none() {
    check(|| {
        let errors = with_one_text();
        let writer = thread::spawn(|| enter_text(errors, 1));
        let seen = errors.kept(0);
        seen.iter().for_each(|kept| assert_whole(kept, 1));
        writer.join().expect("no panic");
        assert_eq!(errors.kept(0)[0].text, TEXTS[1].0);
    });
}

#[test]
fn a_reader_never_has_the_count_of_another_error_text() {
    check(|| {
        let errors = with_one_text();
        enter_text(errors, 0);
        let writer = thread::spawn(|| enter_text(errors, 1));
        for kept in errors.kept(0) {
            assert_whole(&kept, 2);
            assert_eq!(kept.count, if kept.error_type == 1 { 2 } else { 1 });
        }
        writer.join().expect("no panic");
    });
}

#[test]
fn a_reader_has_the_count_of_an_error_text_with_its_last_time() {
    check(|| {
        let errors = with_one_text();
        let writer = thread::spawn(|| errors.enter(TEXTS[0].0, TEXTS[0].1, 4));
        // On a thread of its own: the checker runs the steps of the main one before the writer's alone.
        let reader = thread::spawn(|| {
            for kept in errors.kept(0) {
                assert!(
                    [(1, 1), (2, 4)].contains(&(kept.count, kept.last)),
                    "{kept:?}"
                );
            }
        });
        writer.join().expect("no panic");
        reader.join().expect("no panic");
        assert_eq!(errors.kept(0)[0].count, 2);
    });
}

#[test]
fn of_two_error_texts_entered_at_once_each_is_whole_or_lost() {
    check(|| {
        let errors = with_one_text();
        let other = thread::spawn(|| enter_text(errors, 1));
        enter_text(errors, 2);
        other.join().expect("no panic");
        let kept = errors.kept(0);
        assert_eq!(kept.len(), 1);
        assert_whole(&kept[0], 1);
        assert_ne!(kept[0].error_type, 1, "one of the two was entered");
    });
}

/// One call that fails with a text.
fn fail_with_text(core: &'static StorageCore, method: &'static MethodCore) {
    let local = local(core);
    let call = CallGuard::start_in(&local, method);
    let view = ErrorView {
        type_name: "",
        text: ErrorText::Display(&"text"),
    };
    let failure = method.classify(Outcome::Error(view), core.clock.now());
    end(call, &local, Some(failure));
}

#[test]
fn of_two_calls_that_fail_at_once_both_are_counted_though_a_text_may_be_lost() {
    check(|| {
        let (core, method, _) = storage();
        let other = thread::spawn(move || fail_with_text(core, method));
        fail_with_text(core, method);
        other.join().expect("no panic");
        assert_eq!(failures(&scrape(core, method).counts), 2);
        let kept = method.shared.errors.get().expect("a failure").kept(0);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].text, "text");
        assert!((1..=2).contains(&kept[0].count), "{kept:?}");
    });
}

/// One thread's successes.
struct Calls {
    ring: Ring,
    successes: Successes,
}

/// The two cells of the window, where it is around the second, and one that is far away, of a long call.
const TICKS: [u64; 3] = [0, 50, 1 << 40];

impl Calls {
    fn new() -> (&'static Self, &'static TickPartition) {
        // No part of the model, and slow to make.
        static PARTITION: LazyLock<TickPartition> =
            LazyLock::new(|| TickPartition::new(&Arc::from([0.0]), &Clock::os()));
        let calls = Self {
            ring: Ring::new(),
            successes: Successes::new(),
        };
        (leak(calls), &PARTITION)
    }

    /// Ends a call of each of these durations; of those that are `None`, one that failed.
    fn end(&self, partition: &TickPartition, durations: &[Option<u64>]) {
        for duration in durations {
            let entered = match duration {
                Some(duration) => self.ring.push(0, *duration),
                None => self.ring.push_failed(0, 7),
            };
            if entered.is_multiple_of(BATCH as u64) {
                self.successes.fold(&self.ring, partition);
            }
        }
    }

    /// Reads, and asserts that these are the first of the calls, each of them once. Returns how many.
    fn read(&self, partition: &TickPartition, durations: &[Option<u64>]) -> u64 {
        let mut cells = Vec::new();
        let read = self.successes.read(&self.ring, partition, &mut cells);
        let totals = read.unwrap_or_else(|copied| copied);
        Self::check(partition, durations, &cells, totals);
        totals.entered
    }

    fn check(
        partition: &TickPartition,
        durations: &[Option<u64>],
        taken: &[(usize, u64)],
        counts: SuccessTotals,
    ) {
        let entered = usize::try_from(counts.entered).expect("few");
        let ended: Vec<u64> = durations[..entered].iter().flatten().copied().collect();
        assert_eq!(counts.calls, ended.len() as u64);
        let ticks: u64 = ended.iter().sum();
        assert!((counts.ticks - to_f64(ticks)).abs() < 0.5);
        let mut cells: Vec<usize> = Vec::new();
        for (cell, count) in taken {
            cells.extend((0..*count).map(|_| *cell));
        }
        cells.sort_unstable();
        let mut expected: Vec<usize> = ended.iter().map(|one| partition.cell(*one)).collect();
        expected.sort_unstable();
        assert_eq!(cells, expected);
    }
}

fn successes_are_those_of_one_moment(
    preemptions: usize,
    durations: &'static [Option<u64>],
    readers: usize,
    reads: usize,
) {
    check_with(preemptions, move || {
        let (calls, partition) = Calls::new();
        let owner = thread::spawn(move || calls.end(partition, durations));
        // On threads of their own: the checker runs the first step of the main one before the owner's alone.
        let readers: Vec<_> = (0..readers)
            .map(|_| {
                thread::spawn(move || {
                    let first = (0..reads).map(|_| calls.read(partition, durations));
                    assert!(first.is_sorted());
                })
            })
            .collect();
        for reader in readers {
            reader.join().expect("no panic");
        }
        owner.join().expect("no panic");
        assert_eq!(calls.read(partition, durations), durations.len() as u64);
    });
}

#[test]
fn a_reader_beside_two_folds_gets_the_successes_of_one_moment() {
    let [near, next, _] = TICKS.map(Some);
    successes_are_those_of_one_moment(1, &leak([near, next, near, next, None])[..], 1, 1);
}

#[test]
fn a_reader_beside_a_fold_never_sees_less_than_before() {
    let [near, next, _] = TICKS.map(Some);
    successes_are_those_of_one_moment(2, &leak([next, near, next])[..], 1, 2);
}

#[test]
fn a_reader_beside_folds_leaves_failures_out_and_takes_long_calls() {
    let [near, _, far] = TICKS.map(Some);
    successes_are_those_of_one_moment(1, &leak([near, None, None, far, None])[..], 1, 1);
}

#[test]
fn two_readers_beside_a_fold_do_not_disturb_each_other() {
    let near = Some(TICKS[1]);
    successes_are_those_of_one_moment(2, &leak([near, near])[..], 2, 1);
}

#[test]
fn a_reader_that_asks_for_a_copy_gets_one_that_is_not_older_than_its_question() {
    check_with(1, || {
        let durations: &[Option<u64>] = &[Some(TICKS[0]); 4];
        let (calls, partition) = Calls::new();
        let owner = thread::spawn(move || calls.end(partition, durations));
        let reader = thread::spawn(move || {
            let since = calls.ring.entered();
            let Calls { ring, successes } = calls;
            let mut cells = Vec::new();
            let counts = successes.read_beside_owner(ring, partition, &mut cells);
            assert!(counts.entered >= since);
            Calls::check(partition, durations, &cells, counts);
        });
        reader.join().expect("no panic");
        owner.join().expect("no panic");
        assert_eq!(calls.read(partition, durations), 4);
    });
}

#[test]
fn a_carry_is_never_seen_half_way() {
    check(|| {
        let cells: &'static CellCounts = leak(CellCounts::new());
        let owner = thread::spawn(move || (0..5).for_each(|_| cells.add(0)));
        let reader = thread::spawn(move || {
            let (first, second) = (cells.sum(), cells.sum());
            assert!(first <= second && second <= 5, "{first} {second}");
        });
        reader.join().expect("no panic");
        owner.join().expect("no panic");
        assert_eq!(cells.sum(), 5);
    });
}

#[test]
fn counts_in_new_windows_never_fall_and_all_arrive() {
    check(|| {
        let cells: &'static CellCounts = leak(CellCounts::new());
        let owner = thread::spawn(move || [1, 6, 0, 6, 9].map(|cell| cells.add(cell)));
        let read = || {
            let mut counts = [0; 10];
            cells.each(|cell, count| counts[cell] += count);
            counts
        };
        let reader = thread::spawn(move || {
            let (first, second) = (read(), read());
            assert!(
                first
                    .iter()
                    .zip(second)
                    .all(|(first, second)| *first <= second)
            );
            // With a count a reader sees those before it.
            if first[9] == 1 {
                assert_eq!(second, [1, 1, 0, 0, 0, 0, 2, 0, 0, 1]);
            }
        });
        reader.join().expect("no panic");
        owner.join().expect("no panic");
        assert_eq!(read(), [1, 1, 0, 0, 0, 0, 2, 0, 0, 1]);
    });
}
