//! Callers of calls in destructors, in other tasks and threads, by hand, and in other monitors.

use super::*;

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
