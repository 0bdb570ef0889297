//! Exact edges, calls and failures, for each way that a call can be suspended, moved and ended; `elsewhere` has those
//! between tasks, threads and monitors.

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

mod elsewhere;

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
