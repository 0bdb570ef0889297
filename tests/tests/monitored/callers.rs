//! Who called whom: exact edges, calls and failures, for each way that a call can be suspended, moved and ended.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesUnordered};
use monitor_core::snapshot::Snapshot;
use monitor_core::testing::Recorder;
use monitor_core::{Method, Monitor, Outcome, here, monitored, root};

use crate::drive::{next, pause, poll, ready};

/// The edges of a snapshot, each as `caller > callee: calls` (and `, failures failed`); `-` stands for no caller.
fn edges(snapshot: &Snapshot) -> Vec<String> {
    let mut edges = BTreeMap::<_, (u64, u64)>::new();
    for method in &snapshot.methods {
        for caller in &method.callers {
            let from = caller.caller.as_deref().unwrap_or("-");
            let counts = edges
                .entry(format!("{from} > {}", method.name))
                .or_default();
            *counts = (counts.0 + caller.calls, counts.1 + caller.failures);
        }
    }
    edges.retain(|_, (calls, _)| *calls > 0);
    let lines = edges.into_iter().map(|(edge, counts)| match counts {
        (calls, 0) => format!("{edge}: {calls}"),
        (calls, failures) => format!("{edge}: {calls}, {failures} failed"),
    });
    lines.collect()
}

#[monitored]
fn after() {}

/// The edges that `run` makes. The call of `after` must be an entry call: no call that ended is the current one.
fn edges_of(run: impl FnOnce()) -> Vec<String> {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        run();
        after();
    });
    let mut edges = edges(&probe.snapshot());
    let last = edges.iter().position(|edge| edge == "- > after: 1");
    edges.remove(last.unwrap_or_else(|| panic!("a call after them is no entry call: {edges:?}")));
    edges
}

#[monitored]
fn leaf() {}

#[monitored]
fn sync() {
    leaf();
    leaf();
}

/// Stays in place.
#[monitored]
async fn waits() {
    leaf();
    pause().await;
    leaf();
}

/// Is wrapped, because of its `?`.
#[monitored]
async fn tries(fail: bool) -> Result<(), String> {
    leaf();
    pause().await;
    if fail {
        Err("no")?;
    }
    leaf();
    Ok(())
}

#[monitored]
async fn hangs() {
    leaf();
    std::future::pending::<()>().await;
}

#[monitored]
async fn nests() {
    waits().await;
    sync();
    tries(false).await.unwrap_or_default();
    tries(true).await.unwrap_or_default();
    leaf();
}

#[test]
fn nested_calls_have_the_call_around_them_as_caller() {
    let edges = edges_of(|| ready(nests()));
    assert_eq!(
        edges,
        [
            "- > nests: 1",
            "nests > leaf: 1",
            "nests > sync: 1",
            "nests > tries: 2, 1 failed",
            "nests > waits: 1",
            "sync > leaf: 2",
            "tries > leaf: 3",
            "waits > leaf: 2",
        ]
    );
}

#[monitored]
async fn joins_calls() {
    let _ = tokio::join!(waits(), tries(true), waits());
    leaf();
}

#[monitored]
async fn selects() {
    tokio::select! {
        () = waits() => {}
        () = hangs() => {}
    }
    leaf();
}

#[monitored]
async fn drains() {
    let mut calls: FuturesUnordered<_> = (0..3).map(|_| waits()).collect();
    while let Some(()) = calls.next().await {
        leaf();
    }
}

#[test]
fn siblings_of_a_join_have_the_same_caller() {
    assert_eq!(
        edges_of(|| ready(joins_calls())),
        [
            "- > joins_calls: 1",
            "joins_calls > leaf: 1",
            "joins_calls > tries: 1, 1 failed",
            "joins_calls > waits: 2",
            "tries > leaf: 1",
            "waits > leaf: 4",
        ]
    );
}

#[test]
fn the_loser_of_a_select_is_a_failure_of_its_edge() {
    let first_polled = |edge: &String| !edge.contains("hangs");
    let edges = edges_of(|| ready(selects()));
    let others: Vec<_> = edges.iter().filter(|edge| first_polled(edge)).collect();
    assert_eq!(
        others,
        [
            "- > selects: 1",
            "selects > leaf: 1",
            "selects > waits: 1",
            "waits > leaf: 2"
        ]
    );
    assert!(
        edges.contains(&"selects > hangs: 1, 1 failed".to_owned()),
        "{edges:?}"
    );
    assert!(edges.contains(&"hangs > leaf: 1".to_owned()), "{edges:?}");
}

#[test]
fn calls_of_a_set_of_futures_and_between_them_have_the_same_caller() {
    assert_eq!(
        edges_of(|| ready(drains())),
        [
            "- > drains: 1",
            "drains > leaf: 3",
            "drains > waits: 3",
            "waits > leaf: 6"
        ]
    );
}

async fn made(value: u8) -> u8 {
    pause().await;
    leaf();
    value
}

struct Maker;

impl Maker {
    async fn made(&self, value: u8) -> u8 {
        made(value).await
    }
}

/// Awaits at every place where a body can stay in place.
#[monitored]
async fn awaits_in_place(maker: Option<Maker>) -> u8 {
    let made_later = async {
        made(1).await;
        made(2).await
    };
    let mut sum = made(made(3).await).await + made_later.await;
    for part in [made(4).await, made(5).await] {
        sum += part;
    }
    sum += match made(6).await {
        6 => Box::pin(made(7)).await,
        other => other,
    };
    sum += async { made(8).await }.await;
    while sum < 100 {
        sum += made(100).await;
    }
    let maker = maker.unwrap_or(Maker);
    leaf();
    sum + maker.made(u8::from(sum > 200)).await
}

/// The beginning of what it awaits is not clear, so it is wrapped.
#[monitored]
async fn awaits_a_match(number: u8) -> u8 {
    let sum = match number {
        0 => made(9),
        _ => made(10),
    }
    .await;
    leaf();
    sum + <Maker as Makes>::make(&Maker).await
}

trait Makes {
    fn make(&self) -> impl Future<Output = u8>;
}

impl Makes for Maker {
    fn make(&self) -> impl Future<Output = u8> {
        made(1)
    }
}

#[test]
fn a_call_after_any_await_has_the_caller_it_had_before() {
    let edges = edges_of(|| {
        ready(awaits_in_place(None));
        ready(awaits_a_match(0));
    });
    assert_eq!(
        edges,
        [
            "- > awaits_a_match: 1",
            "- > awaits_in_place: 1",
            "awaits_a_match > leaf: 3",
            "awaits_in_place > leaf: 12",
        ]
    );
}

#[test]
fn a_call_between_the_polls_of_another_is_an_entry_call() {
    let edges = edges_of(|| {
        let (mut one, mut other) = (pin!(waits()), pin!(tries(false)));
        for _ in 0..2 {
            let _ = poll(one.as_mut());
            leaf();
            let _ = poll(other.as_mut());
            sync();
        }
    });
    assert_eq!(
        edges,
        [
            "- > leaf: 2",
            "- > sync: 2",
            "- > tries: 1",
            "- > waits: 1",
            "sync > leaf: 4",
            "tries > leaf: 2",
            "waits > leaf: 2",
        ]
    );
}

#[monitored]
async fn polls_once(
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    let mut future = future;
    poll(future.as_mut()).is_pending().then_some(future)
}

#[test]
fn a_future_that_moves_keeps_its_caller_and_stays_one() {
    let probe = Recorder::new();
    let moved = probe.scope_sync(|| ready(polls_once(Box::pin(nests()))));
    let mut moved = moved.expect("it is pending");
    std::thread::scope(|scope| {
        scope.spawn(|| probe.scope_sync(|| assert!(poll(moved.as_mut()).is_pending())));
    });
    probe.scope_sync(|| ready(moved));
    assert_eq!(
        edges(&probe.snapshot()),
        [
            "- > polls_once: 1",
            "nests > leaf: 1",
            "nests > sync: 1",
            "nests > tries: 2, 1 failed",
            "nests > waits: 1",
            "polls_once > nests: 1",
            "sync > leaf: 2",
            "tries > leaf: 3",
            "waits > leaf: 2",
        ]
    );
}

#[monitored]
fn number_stream() -> impl Stream<Item = u8> + Send {
    stream::iter([1, 2]).then(made)
}

#[monitored]
async fn numbers_later() -> impl Stream<Item = u8> + Send {
    waits().await;
    stream::iter([1, 2]).then(made)
}

#[monitored]
async fn numbers_if(any: bool) -> Pin<Box<dyn Stream<Item = u8> + Send>> {
    if !any {
        return Box::pin(stream::empty());
    }
    waits().await;
    Box::pin(stream::iter([1, 2]).then(made))
}

#[monitored]
async fn reads_another() {
    assert_eq!(numbers_if(false).await.next().await, None);
    assert_eq!(numbers_if(true).await.count().await, 2);
    leaf();
}

#[monitored]
async fn reads() {
    let mut one = pin!(number_stream());
    let mut other = pin!(numbers_later().await);
    while one.next().await.is_some() {
        sync();
        let _ = other.next().await;
    }
    leaf();
}

#[test]
fn items_are_made_in_the_stream_and_used_in_its_reader() {
    let edges = edges_of(|| ready(reads()));
    assert_eq!(
        edges,
        [
            "- > reads: 1",
            "number_stream > leaf: 2",
            "numbers_later > leaf: 2",
            "numbers_later > waits: 1",
            "reads > leaf: 1",
            "reads > number_stream: 1",
            "reads > numbers_later: 1, 1 failed",
            "reads > sync: 2",
            "sync > leaf: 4",
            "waits > leaf: 2",
        ]
    );
    let edges = edges_of(|| ready(reads_another()));
    assert_eq!(
        edges,
        [
            "- > reads_another: 1",
            "numbers_if > leaf: 2",
            "numbers_if > waits: 1",
            "reads_another > leaf: 1",
            "reads_another > numbers_if: 2",
            "waits > leaf: 2",
        ]
    );
    let edges = edges_of(|| {
        let mut stream = Box::pin(number_stream());
        assert_eq!(next(&mut stream), Some(1));
        leaf();
        drop(stream);
        leaf();
    });
    assert_eq!(
        edges,
        [
            "- > leaf: 2",
            "- > number_stream: 1, 1 failed",
            "number_stream > leaf: 1"
        ]
    );
}

#[monitored]
fn counts_down(from: u8) {
    if from > 0 {
        counts_down(from - 1);
        leaf();
    }
}

#[monitored]
async fn counts_down_async(from: u8) {
    pause().await;
    if from > 0 {
        Box::pin(counts_down_async(from - 1)).await;
        leaf();
    }
}

#[test]
fn a_recursive_call_is_its_own_caller() {
    let edges = edges_of(|| {
        counts_down(3);
        ready(counts_down_async(2));
    });
    assert_eq!(
        edges,
        [
            "- > counts_down: 1",
            "- > counts_down_async: 1",
            "counts_down > counts_down: 3",
            "counts_down > leaf: 3",
            "counts_down_async > counts_down_async: 2",
            "counts_down_async > leaf: 2",
        ]
    );
}

#[monitored]
fn panicking() {
    leaf();
    panic!("on purpose");
}

#[monitored]
async fn panics_in_a_poll(in_place: bool) {
    pause().await;
    leaf();
    assert!(!in_place, "on purpose");
}

#[monitored]
async fn tries_and_panics() -> Result<(), String> {
    tries(false).await?;
    panics_in_a_poll(true).await;
    Ok(())
}

#[monitored]
async fn catches() {
    assert!(catch_unwind(panicking).is_err());
    leaf();
    pause().await;
    let polled = catch_unwind(AssertUnwindSafe(|| ready(tries_and_panics())));
    assert!(polled.is_err());
    leaf();
}

#[test]
fn a_panic_gives_the_caller_back() {
    let edges = edges_of(|| {
        ready(catches());
        assert!(catch_unwind(panicking).is_err());
    });
    assert_eq!(
        edges,
        [
            "- > catches: 1",
            "- > panicking: 1, 1 failed",
            "catches > leaf: 2",
            "catches > panicking: 1, 1 failed",
            "catches > tries_and_panics: 1, 1 failed",
            "panicking > leaf: 2",
            "panics_in_a_poll > leaf: 1",
            "tries > leaf: 2",
            "tries_and_panics > panics_in_a_poll: 1, 1 failed",
            "tries_and_panics > tries: 1",
        ]
    );
}

#[monitored]
fn blocks_on() {
    ready(nests());
    leaf();
}

#[monitored]
async fn drops_what_waits() {
    let mut one = Box::pin(waits());
    assert!(poll(one.as_mut()).is_pending());
    drop(one);
    drop(waits());
    leaf();
}

#[test]
fn an_executor_in_a_call_and_a_future_dropped_in_one_have_that_caller() {
    let edges = edges_of(|| {
        blocks_on();
        ready(drops_what_waits());
    });
    assert_eq!(
        edges,
        [
            "- > blocks_on: 1",
            "- > drops_what_waits: 1",
            "blocks_on > leaf: 1",
            "blocks_on > nests: 1",
            "drops_what_waits > leaf: 1",
            "drops_what_waits > waits: 1, 1 failed",
            "nests > leaf: 1",
            "nests > sync: 1",
            "nests > tries: 2, 1 failed",
            "nests > waits: 1",
            "sync > leaf: 2",
            "tries > leaf: 3",
            "waits > leaf: 3",
        ]
    );
}

struct CallsWhenDropped;

impl Drop for CallsWhenDropped {
    fn drop(&mut self) {
        leaf();
    }
}

#[monitored]
async fn holds() {
    let local = CallsWhenDropped;
    pause().await;
    drop(local);
    let _local = CallsWhenDropped;
}

#[monitored]
async fn drops(future: Pin<Box<dyn Future<Output = ()> + Send>>) {
    drop(future);
}

#[test]
fn a_destructor_is_called_by_the_call_that_drops() {
    assert_eq!(
        edges_of(|| ready(holds())),
        ["- > holds: 1", "holds > leaf: 2"]
    );
    let suspended = || {
        let mut future = Box::pin(holds());
        assert!(poll(future.as_mut()).is_pending());
        future
    };
    assert_eq!(
        edges_of(|| drop(suspended())),
        ["- > holds: 1, 1 failed", "- > leaf: 1"]
    );
    assert_eq!(
        edges_of(|| ready(drops(suspended()))),
        ["- > drops: 1", "- > holds: 1, 1 failed", "drops > leaf: 1"]
    );
}

#[monitored]
fn starts_threads() {
    let here = here();
    std::thread::scope(|scope| {
        let run = |run: fn()| scope.spawn(run).join().expect("no panic");
        run(on_a_thread);
        scope.spawn(move || here.run(on_a_thread));
    });
    leaf();
}

#[monitored]
fn on_a_thread() {}

#[test]
fn another_thread_begins_with_an_entry_call_unless_it_is_told_the_caller() {
    starts_threads();
    let global = edges(&Monitor::global().snapshot());
    let of_thread: Vec<_> = global
        .iter()
        .filter(|edge| edge.contains("on_a_thread"))
        .collect();
    assert_eq!(
        of_thread,
        ["- > on_a_thread: 1", "starts_threads > on_a_thread: 1"]
    );
}

#[monitored]
async fn hands_out(tasks: &mut Vec<Pin<Box<dyn Future<Output = ()>>>>) {
    tasks.push(Box::pin(here().within(nests())));
    tasks.push(Box::pin(waits()));
    tasks.push(Box::pin(root(here().within(hangs()))));
    here().within(root(waits())).await;
}

#[test]
fn a_task_has_the_caller_it_was_handed_also_after_that_ended() {
    let edges = edges_of(|| {
        let mut tasks = Vec::new();
        ready(hands_out(&mut tasks));
        let _ = tasks.iter_mut().map(|task| poll(task.as_mut())).count();
        leaf();
        drop(tasks);
    });
    assert_eq!(
        edges,
        [
            "- > hands_out: 1",
            "- > leaf: 1",
            "- > waits: 2, 1 failed",
            "hands_out > hangs: 1, 1 failed",
            "hands_out > nests: 1, 1 failed",
            "hangs > leaf: 1",
            "nests > waits: 1, 1 failed",
            "waits > leaf: 4",
        ]
    );
}

#[monitored]
async fn pumps() {
    let tasks: [Pin<Box<dyn Future<Output = ()>>>; 2] =
        [Box::pin(waits()), Box::pin(root(waits()))];
    let mut tasks: FuturesUnordered<_> = tasks.into_iter().collect();
    while tasks.next().await.is_some() {}
    root(async { sync() }).await;
    sync();
}

/// A call that polls the tasks of others is their caller, unless they are marked.
#[test]
fn a_call_in_root_is_an_entry_call() {
    assert_eq!(
        edges_of(|| ready(pumps())),
        [
            "- > pumps: 1",
            "- > sync: 1",
            "- > waits: 1",
            "pumps > sync: 1",
            "pumps > waits: 1",
            "sync > leaf: 4",
            "waits > leaf: 4",
        ]
    );
}

fn by_hand(probe: &Recorder) -> Method {
    probe.method("by_hand").expect("a good name")
}

#[test]
fn a_guard_has_a_caller_and_is_one_only_where_it_is_said() {
    let probe = Recorder::new();
    let method = by_hand(&probe);
    let hand_made = CallsByHand(method);
    probe.scope_sync(|| {
        ready(hand_made.uses_guards());
        leaf();
    });
    assert_eq!(
        edges(&probe.snapshot()),
        [
            "- > leaf: 1",
            "- > uses_guards: 1",
            "by_hand > leaf: 1",
            "by_hand > waits: 1",
            "uses_guards > by_hand: 2, 1 failed",
            "uses_guards > leaf: 2",
            "waits > leaf: 2",
        ]
    );
}

struct CallsByHand(Method);

impl CallsByHand {
    #[monitored]
    async fn uses_guards(&self) {
        let (one, other) = (self.0.start(), self.0.start());
        leaf();
        one.run(leaf);
        one.within(waits()).await;
        leaf();
        one.finish(Outcome::Success);
        drop(other);
    }
}

#[monitored(max_concurrency = 1)]
async fn one_takes_turn() {
    leaf();
    pause().await;
}

#[monitored]
async fn takes_turns() {
    one_takes_turn().await;
    leaf();
}

#[test]
fn a_call_that_waits_for_its_permit_is_suspended() {
    let edges = edges_of(|| {
        let mut turns: Vec<_> = (0..3).map(|_| Box::pin(takes_turns())).collect();
        for turn in &mut turns {
            assert!(poll(turn.as_mut()).is_pending());
            sync();
        }
        drop(turns.pop());
        turns.into_iter().for_each(ready);
    });
    assert_eq!(
        edges,
        [
            "- > sync: 3",
            "- > takes_turns: 3, 1 failed",
            "one_takes_turn > leaf: 2",
            "sync > leaf: 6",
            "takes_turns > leaf: 2",
            "takes_turns > one_takes_turn: 3, 1 failed",
        ]
    );
}

#[monitored(call = call)]
async fn notes() {
    call.observe("note", 1.0);
    waits().await;
    call.observe("note", 2.0);
    leaf();
}

async fn notes_and_calls() {
    notes().await;
    leaf();
}

#[monitored]
fn returned_caller() -> impl Future<Output = ()> {
    notes_and_calls()
}

#[monitored]
fn boxed_caller() -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async {
        returned_caller().await;
        leaf();
    })
}

#[monitored(labels(even = number.is_multiple_of(2)))]
async fn labelled_caller(number: u8) {
    pause().await;
    leaf();
    if number > 0 {
        Box::pin(labelled_caller(number - 1)).await;
    }
}

#[test]
fn other_shapes_are_callers_and_callees_too() {
    assert_eq!(
        edges_of(|| ready(boxed_caller())),
        [
            "- > boxed_caller: 1",
            "boxed_caller > leaf: 1",
            "boxed_caller > returned_caller: 1",
            "notes > leaf: 1",
            "notes > waits: 1",
            "returned_caller > leaf: 1",
            "returned_caller > notes: 1",
            "waits > leaf: 2",
        ]
    );
    assert_eq!(
        edges_of(|| ready(labelled_caller(4))),
        [
            "- > labelled_caller: 1",
            "labelled_caller > labelled_caller: 4",
            "labelled_caller > leaf: 5"
        ]
    );
}

/// A method's callers have one entry each, whatever their label sets.
#[test]
fn the_label_sets_of_a_caller_are_one_caller() {
    let probe = Recorder::new();
    probe.scope_sync(|| ready(labelled_caller(1)));
    let snapshot = probe.snapshot();
    let leaf = snapshot
        .methods
        .iter()
        .find(|method| &*method.name == "leaf");
    let callers = &leaf.expect("it was called").callers;
    let callers: Vec<_> = callers.iter().filter(|one| one.calls > 0).collect();
    assert_eq!(callers.len(), 1);
    assert_eq!(
        (callers[0].caller.as_deref(), callers[0].calls),
        (Some("labelled_caller"), 2)
    );
}

#[monitored]
fn enters(probe: &Recorder, other: &Recorder) {
    leaf();
    other.scope_sync(sync);
    probe.scope_sync(leaf);
    leaf();
}

#[test]
fn a_scope_of_another_monitor_begins_without_a_caller_and_gives_the_one_before_back() {
    let (probe, other) = (Recorder::new(), Recorder::new());
    probe.scope_sync(|| enters(&probe, &other));
    assert_eq!(edges(&other.snapshot()), ["- > sync: 1", "sync > leaf: 2"]);
    assert_eq!(
        edges(&probe.snapshot()),
        ["- > enters: 1", "enters > leaf: 3"]
    );
}

/// More than a thread has places for, each called by the one before it; the last by all.
#[test]
fn every_caller_of_hundreds_is_counted() {
    const METHODS: usize = 300;
    let probe = Recorder::new();
    let method = |at: usize| probe.method(&format!("m{at:03}")).expect("a good name");
    let methods: Vec<Method> = (0..METHODS).map(method).collect();
    let last = probe.method("last").expect("a good name");
    let calls_next = |at: usize| {
        let call = methods[at].start();
        call.run(|| {
            for _ in 0..=at {
                last.start().finish(Outcome::Success);
            }
            drop(last.start());
            if let Some(next) = methods.get(at + 1) {
                next.start().finish(Outcome::Success);
            }
        });
        call.finish(Outcome::Success);
    };
    probe.scope_sync(|| (0..METHODS).for_each(calls_next));
    let mut expected = Vec::from(["- > m000: 1".to_owned()]);
    for at in 0..METHODS {
        if at > 0 {
            expected.push(format!("- > m{at:03}: 1"));
            expected.push(format!("m{:03} > m{at:03}: 1", at - 1));
        }
        expected.push(format!("m{at:03} > last: {}, 1 failed", at + 2));
    }
    expected.sort();
    assert_eq!(edges(&probe.snapshot()), expected);
}

#[test]
fn a_future_that_is_not_polled_has_no_edge() {
    let edges = edges_of(|| {
        drop((
            waits(),
            tries(true),
            number_stream(),
            returned_caller(),
            boxed_caller(),
        ));
        let mut pending = Box::pin(hangs());
        assert_eq!(poll(pending.as_mut()), Poll::Pending);
    });
    assert_eq!(edges, ["- > hangs: 1, 1 failed", "hangs > leaf: 1"]);
}

/// Hands out a block of its own, and polls what it is given.
#[monitored]
async fn hands_out_a_block(
    blocks: &mut Vec<Pin<Box<dyn Future<Output = ()>>>>,
    given: Option<Pin<Box<dyn Future<Output = ()>>>>,
) {
    blocks.push(Box::pin(async {
        leaf();
        pause().await;
        leaf();
    }));
    pause().await;
    if let Some(mut given) = given {
        let _ = poll(given.as_mut());
        sync();
        let _ = poll(given.as_mut());
    }
    sync();
}

#[test]
fn a_block_that_left_its_function_has_the_caller_that_polls_it() {
    let edges = edges_of(|| {
        let (mut blocks, mut more) = (Vec::new(), Vec::new());
        ready(hands_out_a_block(&mut blocks, None));
        let first = blocks.pop();
        ready(hands_out_a_block(&mut blocks, first));
        ready(hands_out_a_block(&mut more, None));
        ready(blocks.remove(0));
    });
    assert_eq!(
        edges,
        [
            "- > hands_out_a_block: 3",
            "- > leaf: 2",
            "hands_out_a_block > leaf: 2",
            "hands_out_a_block > sync: 4",
            "sync > leaf: 8",
        ]
    );
}

#[monitored]
async fn polls_twice(given: Option<Pin<Box<dyn Future<Output = ()>>>>) {
    pause().await;
    if let Some(mut given) = given {
        assert!(poll(given.as_mut()).is_pending());
        leaf();
        let _ = poll(given.as_mut());
    }
    pause().await;
    leaf();
}

/// Two calls of one method, the same in all their numbers but for the monitor, one polled inside of the other.
#[test]
fn calls_of_two_monitors_are_not_mixed_up() {
    let (one, other) = (Recorder::new(), Recorder::new());
    let mut inner = Box::pin(polls_twice(None));
    one.scope_sync(|| assert!(poll(inner.as_mut()).is_pending()));
    other.scope_sync(|| {
        ready(polls_twice(Some(inner)));
        leaf();
    });
    assert_eq!(edges(&one.snapshot()), ["- > polls_twice: 1"]);
    assert_eq!(
        edges(&other.snapshot()),
        ["- > leaf: 1", "- > polls_twice: 1", "polls_twice > leaf: 3"]
    );
}
