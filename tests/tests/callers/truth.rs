//! The expected edges: each call of the test is wrapped, and the wrapper counts its edge at its first poll.
//!
//! The expected caller of a call is known twice: its plan names it, and the wrappers keep the current method of their
//! thread. The two are compared at each call, so a mistake of the test is not taken for one of the framework.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use monitor_core::snapshot::{MethodSnapshot, Snapshot};

/// The monitored functions of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    InPlace,
    Wrapped,
    Sync,
    SyncFails,
    Stream,
    Limited,
    Returned,
    Boxed,
    Handle,
    Labelled,
    Manual,
}

/// Their names; `Method` is the index.
pub(crate) const NAMES: [&str; 11] = [
    "InPlace",
    "Wrapped",
    "Sync",
    "SyncFails",
    "Stream",
    "Limited",
    "Returned",
    "Boxed",
    "Handle",
    "Labelled",
    "Manual",
];

/// A method, or none: the caller of an entry call.
pub(crate) type Caller = Option<Method>;

struct Edge {
    calls: AtomicU64,
    failures: AtomicU64,
}

/// By caller, then callee; the entry calls are last.
static EDGES: [[Edge; NAMES.len()]; NAMES.len() + 1] = [const {
    [const {
        Edge {
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }; NAMES.len()]
}; NAMES.len() + 1];

thread_local! {
    static CURRENT: Cell<Caller> = const { Cell::new(None) };
}

/// The method whose call runs on this thread.
pub(crate) fn current() -> Caller {
    CURRENT.get()
}

/// Makes a method current until it is dropped.
struct Inside {
    outer: Caller,
}

impl Inside {
    fn of(method: Caller) -> Self {
        Self {
            outer: CURRENT.replace(method),
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}

fn edge_of(from: Caller, method: Method) -> &'static Edge {
    &EDGES[from.map_or(NAMES.len(), |from| from as usize)][method as usize]
}

/// A call that began. One that is dropped without an end failed: by a panic, or as it was cancelled. A failure is one
/// of the edge that the call last ran on: a future may be handed from one call to another.
pub(crate) struct Begun {
    method: Method,
    edge: &'static Edge,
    is_ok: bool,
}

impl Begun {
    pub(crate) fn new(from: Caller, method: Method) -> Self {
        assert_eq!(current(), from, "the plan and the wrappers differ");
        let edge = edge_of(from, method);
        edge.calls.fetch_add(1, Relaxed);
        Self {
            method,
            edge,
            is_ok: false,
        }
    }

    fn runs_within(&mut self, caller: Caller) {
        self.edge = edge_of(caller, self.method);
    }

    pub(crate) fn end(&mut self, is_ok: bool) {
        self.is_ok = is_ok;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.is_ok {
            self.edge.failures.fetch_add(1, Relaxed);
        }
    }
}

/// A synchronous call; `run` returns whether it succeeded.
pub(crate) fn tracked(from: Caller, method: Method, run: impl FnOnce() -> bool) {
    let mut call = Begun::new(from, method);
    let _inside = Inside::of(Some(method));
    call.end(run());
}

/// Runs a closure as if it was called by `from`.
pub(crate) fn run_under<R>(from: Caller, run: impl FnOnce() -> R) -> R {
    let _inside = Inside::of(from);
    run()
}

/// The future or stream of a call. A future returns whether it succeeded, and so does each item of a stream, of which
/// the last decides.
pub(crate) struct Tracked<F: ?Sized> {
    from: Caller,
    method: Method,
    call: Option<Begun>,
    last_item: bool,
    inner: Pin<Box<F>>,
}

impl<F> Tracked<F> {
    pub(crate) fn new(from: Caller, method: Method, inner: F) -> Self {
        Self {
            from,
            method,
            call: None,
            last_item: true,
            inner: Box::pin(inner),
        }
    }

    /// Before a poll.
    fn run(&mut self) -> Inside {
        let (from, method) = (self.from, self.method);
        let call = self.call.get_or_insert_with(|| Begun::new(from, method));
        call.runs_within(current());
        Inside::of(Some(method))
    }

    fn end(&mut self, is_ok: bool) {
        if let Some(call) = &mut self.call {
            call.end(is_ok);
        }
    }
}

impl<F: Future<Output = bool>> Future for Tracked<F> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let _inside = self.run();
        let is_ok = ready!(self.inner.as_mut().poll(context));
        self.end(is_ok);
        Poll::Ready(is_ok)
    }
}

impl<S: Stream<Item = bool>> Stream for Tracked<S> {
    type Item = bool;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<bool>> {
        let _inside = self.run();
        let item = ready!(self.inner.as_mut().poll_next(context));
        if let Some(is_ok) = item {
            self.last_item = is_ok;
        } else {
            let is_ok = self.last_item;
            self.end(is_ok);
        }
        Poll::Ready(item)
    }
}

/// A future whose calls are expected to be called by `from`, wherever it is polled.
pub(crate) struct Under<F> {
    from: Caller,
    inner: Pin<Box<F>>,
}

/// Puts a future under an expected caller.
pub(crate) fn under<F: Future>(from: Caller, inner: F) -> Under<F> {
    Under {
        from,
        inner: Box::pin(inner),
    }
}

impl<F: Future> Future for Under<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _inside = Inside::of(self.from);
        self.inner.as_mut().poll(context)
    }
}

/// Polls to the end, or to a panic: then it is `None`.
pub(crate) async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        poll.map_or(Poll::Ready(None), |poll| poll.map(Some))
    })
    .await
}

/// Calls and failures by caller and callee, `-` for no caller; only those above 0.
pub(crate) type Edges = BTreeMap<(String, String), (u64, u64)>;

/// The edges that the test made.
pub(crate) fn expected() -> Edges {
    let mut edges = Edges::new();
    for (from, row) in EDGES.iter().enumerate() {
        for (name, edge) in NAMES.iter().zip(row) {
            let key = (caller_name(NAMES.get(from).copied()), (*name).to_owned());
            let counts = (edge.calls.load(Relaxed), edge.failures.load(Relaxed));
            edges.insert(key, counts);
        }
    }
    edges.retain(|_, counts| *counts != (0, 0));
    edges
}

/// The edges that were recorded of the methods of these names; label sets of one method are added up.
pub(crate) fn recorded(snapshot: &Snapshot, names: &[&str]) -> Edges {
    let mut edges = Edges::new();
    let is_named = |method: &&MethodSnapshot| names.contains(&&*method.name);
    for method in snapshot.methods.iter().filter(is_named) {
        for caller in &method.callers {
            let key = (
                caller_name(caller.caller.as_deref()),
                method.name.to_string(),
            );
            let counts = edges.entry(key).or_default();
            *counts = (counts.0 + caller.calls, counts.1 + caller.failures);
        }
    }
    edges.retain(|_, counts| *counts != (0, 0));
    edges
}

fn caller_name(name: Option<&str>) -> String {
    name.unwrap_or("-").to_owned()
}
