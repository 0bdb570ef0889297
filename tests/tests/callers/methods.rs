//! The monitored functions, each of another shape, and the steps that their calls take.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::{self, FuturesUnordered};
use monitor_core::{Monitor, Outcome, here, monitored, root};
use tokio::runtime::Handle;
use tokio::task::{JoinSet, block_in_place, yield_now};

use crate::plan::{Plan, Step, SyncPlan, SyncStep};
use crate::truth::{Begun, Caller, Method, Tracked, caught, current, run_under, tracked, under};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[derive(Debug)]
pub(crate) struct Failed;

type Done = Result<(), Failed>;

/// What a panic of a plan carries.
pub(crate) struct OnPurpose;

/// No `?` and no `return`: the body stays in place, and each await is hooked.
#[monitored(method = "InPlace")]
async fn in_place(steps: Vec<Step>) {
    for step in steps {
        match take(step, Method::InPlace).await {
            Ok(()) => {}
            Err(Failed) => yield_now().await,
        }
    }
}

#[monitored(method = "Wrapped")]
async fn wrapped(steps: Vec<Step>) -> Done {
    for step in steps {
        take(step, Method::Wrapped).await?;
    }
    Ok(())
}

#[monitored(method = "Limited", max_concurrency = 3)]
async fn limited(steps: Vec<Step>) {
    for step in steps {
        let _ = take(step, Method::Limited).await;
    }
}

#[monitored(method = "Returned")]
fn returned(steps: Vec<Step>) -> impl Future<Output = Done> + Send {
    take_all(steps, Method::Returned)
}

#[monitored(method = "Boxed")]
fn boxed(steps: Vec<Step>) -> Pin<Box<dyn Future<Output = Done> + Send>> {
    Box::pin(take_all(steps, Method::Boxed))
}

#[monitored(method = "Handle", call = call)]
async fn handle(steps: Vec<Step>) {
    for step in steps {
        call.observe("steps", 1.0);
        let _ = take(step, Method::Handle).await;
    }
}

#[monitored(method = "Labelled", labels(even = steps.len().is_multiple_of(2)))]
async fn labelled(steps: Vec<Step>) -> Done {
    take_all(steps, Method::Labelled).await
}

/// One item a step; `Err` where the step failed.
#[monitored(method = "Stream")]
fn items(steps: Vec<Step>) -> impl Stream<Item = Done> + Send {
    stream::iter(steps).then(|step| take(step, Method::Stream))
}

#[monitored(method = "Sync")]
fn synchronous(steps: Vec<SyncStep>) {
    for step in steps {
        let _ = take_sync(step, Method::Sync);
    }
}

#[monitored(method = "SyncFails")]
fn sync_fails(steps: Vec<SyncStep>) -> Done {
    for step in steps {
        take_sync(step, Method::SyncFails)?;
    }
    Ok(())
}

/// An asynchronous call that is expected to be called by `from`.
pub(crate) fn call(plan: Plan, from: Caller) -> Tracked<BoxFuture<bool>> {
    let Plan { method, steps } = plan;
    let future: BoxFuture<bool> = match method {
        Method::Wrapped => Box::pin(async { wrapped(steps).await.is_ok() }),
        Method::Limited => Box::pin(async {
            limited(steps).await;
            true
        }),
        Method::Returned => Box::pin(async { returned(steps).await.is_ok() }),
        Method::Boxed => Box::pin(async { boxed(steps).await.is_ok() }),
        Method::Handle => Box::pin(async {
            handle(steps).await;
            true
        }),
        Method::Labelled => Box::pin(async { labelled(steps).await.is_ok() }),
        _ => Box::pin(async {
            in_place(steps).await;
            true
        }),
    };
    Tracked::new(from, method, future)
}

/// A synchronous call that is expected to be called by `from`.
fn call_sync(plan: SyncPlan, from: Caller) {
    let SyncPlan { method, steps } = plan;
    tracked(from, method, || {
        if method == Method::SyncFails {
            return sync_fails(steps).is_ok();
        }
        synchronous(steps);
        true
    });
}

fn call_leaf(from: Caller) {
    let (method, steps) = (Method::Sync, Vec::new());
    call_sync(SyncPlan { method, steps }, from);
}

async fn take_all(steps: Vec<Step>, by: Method) -> Done {
    for step in steps {
        take(step, by).await?;
    }
    Ok(())
}

/// Takes a step in a call of `by`. In a box, as steps have calls that have steps.
fn take(step: Step, by: Method) -> BoxFuture<Done> {
    Box::pin(async move {
        let from = Some(by);
        match step {
            Step::Yield(times) => yields(times).await,
            Step::Sync(plan) => call_sync(plan, from),
            Step::BlockInPlace(plan) => block_in_place(|| call_sync(plan, from)),
            Step::BlockOn(plan) => block_on(plan, from),
            Step::Fail => return Err(Failed),
            Step::Panic => panic_any(OnPurpose),
            Step::Hang => std::future::pending().await,
            Step::Destructor(steps) => {
                let _local = CallsWhenDropped;
                take_all(steps, by).await?;
            }
            Step::Manual(steps) => manual(steps, by).await?,
            step => take_calls(step, from).await,
        }
        Ok(())
    })
}

/// Takes a step that is made of asynchronous calls.
async fn take_calls(step: Step, from: Caller) {
    match step {
        Step::Await(plan) => drop(call(plan, from).await),
        Step::Caught(plan) => drop(caught(call(plan, from)).await),
        Step::Root(plan) => drop(root(under(None, call(plan, None))).await),
        Step::Join(plans) => drop(join_all(plans.into_iter().map(|plan| call(plan, from))).await),
        Step::JoinTwo(one, other) => drop(tokio::join!(call(one, from), call(other, from))),
        Step::Race(one, other) => tokio::select! {
            _ = call(one, from) => {}
            _ = call(other, from) => {}
        },
        Step::Unordered(plans) => unordered(plans, from).await,
        Step::Stream(plan, most) => read(plan, most, from).await,
        Step::Unpolled(plan) => drop(call(plan, from)),
        Step::DropSuspended(plan, polls) => drop_suspended(plan, polls, from),
        step => take_tasks(step, from).await,
    }
}

/// Takes a step that starts a task.
async fn take_tasks(step: Step, from: Caller) {
    match step {
        Step::Spawn(plan) => drop(tokio::spawn(within(plan, from)).await),
        Step::Detach(plan) => drop(tokio::spawn(within(plan, from))),
        Step::SpawnEntry(plan) => drop(tokio::spawn(call(plan, None)).await),
        Step::Abort(plan, yielding) => abort(plan, yielding, from).await,
        Step::Moved(plan) => moved(plan, from).await,
        step => unreachable!("{step:?} starts no task"),
    }
}

/// A call that has the caller of here wherever it is polled.
fn within(plan: Plan, from: Caller) -> impl Future<Output = bool> + Send {
    here().within(under(from, call(plan, from)))
}

async fn yields(times: usize) {
    for _ in 0..times {
        yield_now().await;
    }
}

async fn unordered(plans: Vec<Plan>, from: Caller) {
    let mut calls: FuturesUnordered<_> = plans.into_iter().map(|plan| call(plan, from)).collect();
    while calls.next().await.is_some() {
        call_leaf(from);
    }
}

async fn read(plan: Plan, most: usize, from: Caller) {
    let items = items(plan.steps).map(|item| item.is_ok());
    let mut items = pin!(Tracked::new(from, plan.method, items).take(most));
    while items.next().await.is_some() {
        call_leaf(from);
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn drop_suspended(plan: Plan, polls: usize, from: Caller) {
    let mut call = call(plan, from);
    for _ in 0..polls {
        if poll_once(&mut call).is_ready() {
            break;
        }
    }
}

/// Polls a call here, and the rest of it in a task of its own.
async fn moved(plan: Plan, from: Caller) {
    let mut call = call(plan, from);
    let first = catch_unwind(AssertUnwindSafe(|| poll_once(&mut call)));
    if let Ok(Poll::Pending) = first {
        let _ = tokio::spawn(call).await;
    }
}

/// Starts a task and aborts it, which the drop of the set does too.
async fn abort(plan: Plan, yielding: usize, from: Caller) {
    let mut task = JoinSet::new();
    task.spawn(within(plan, from));
    yields(yielding).await;
    task.shutdown().await;
}

fn block_on(plan: Plan, from: Caller) {
    let handle = Handle::current();
    block_in_place(|| handle.block_on(call(plan, from)));
}

/// Holds a guard over the steps: it is a call, and calls nothing itself.
async fn manual(steps: Vec<Step>, by: Method) -> Done {
    static METHOD: LazyLock<monitor_core::Method> =
        LazyLock::new(|| Monitor::global().method("Manual").expect("a good name"));
    let mut call = Begun::new(Some(by), Method::Manual);
    let guard = METHOD.start();
    take_all(steps, by).await?;
    guard.finish(Outcome::Success);
    call.end(true);
    Ok(())
}

/// Calls a method when it is dropped. The caller is the call that drops it: that of the future it is a local of, or,
/// where that is suspended, the one that runs.
struct CallsWhenDropped;

impl Drop for CallsWhenDropped {
    fn drop(&mut self) {
        call_leaf(current());
    }
}

fn take_sync(step: SyncStep, by: Method) -> Done {
    let from = Some(by);
    match step {
        SyncStep::Call(plan) => call_sync(plan, from),
        SyncStep::Caught(plan) => {
            drop(catch_unwind(AssertUnwindSafe(|| call_sync(plan, from))));
        }
        SyncStep::Thread(plan) => {
            let here = here();
            let run = move || here.run(|| run_under(from, || call_sync(plan, from)));
            drop(std::thread::spawn(run).join());
        }
        SyncStep::ThreadEntry(plan) => {
            drop(std::thread::spawn(move || call_sync(plan, None)).join());
        }
        SyncStep::Fail => return Err(Failed),
        SyncStep::Panic => panic_any(OnPurpose),
    }
    Ok(())
}
