//! The ways a call of a future can end.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use monitor_core::Monitor;
use tokio::task::yield_now;

use super::shapes::{Made, Make, What};
use super::{panics, while_unwinding};

/// A way to end, and the method's counts then.
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) run: fn(Monitor, Make),
    pub(super) expected: &'static str,
    pub(super) needs: Needs,
}

/// An ability that a shape must have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// To end with a value.
    Value,
    /// To get to its body.
    Body,
    /// To wait.
    Nothing,
}

const SUCCESS: &str = "1 1 0 0";
const FAILURE: &str = "1 0 1 0 other=1";
const PANIC: &str = "1 0 1 0 panic=1";
const CANCELLED: &str = "1 0 1 0 cancelled=1";

/// All of them.
pub(super) fn ways() -> Vec<Way> {
    let mut ways = ended_by_themselves();
    ways.extend(dropped());
    ways.extend(dropped_by_a_panic_elsewhere());
    ways
}

fn way(name: &'static str, needs: Needs, expected: &'static str, run: fn(Monitor, Make)) -> Way {
    Way {
        name,
        run,
        expected,
        needs,
    }
}

fn poll(future: &mut Made) -> Poll<()> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls it to its end, within a few polls.
fn drive(future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..8 {
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
    }
}

/// One that waits, after its first poll.
fn suspended(make: Make) -> Made {
    let mut future = make(What::Waits);
    assert!(poll(&mut future).is_pending());
    future
}

/// Panics once its neighbours wait.
async fn boom() {
    yield_now().await;
    panic!("elsewhere")
}

fn ended_by_themselves() -> Vec<Way> {
    use Needs::{Body, Value};
    vec![
        way("ends", Value, SUCCESS, |monitor, make| {
            monitor.scope_sync(|| drive(make(What::Ends)));
        }),
        way("ends in its first poll", Value, SUCCESS, |monitor, make| {
            monitor.scope_sync(|| assert!(poll(&mut make(What::EndsAtOnce)).is_ready()));
        }),
        way("fails", Value, FAILURE, |monitor, make| {
            monitor.scope_sync(|| drive(make(What::Fails)));
        }),
        way("panics in its first poll", Body, PANIC, |monitor, make| {
            monitor.scope_sync(|| assert!(panics(|| drive(make(What::PanicsAtOnce)))));
        }),
        way("panics in an await", Body, PANIC, |monitor, make| {
            monitor.scope_sync(|| assert!(panics(|| drive(make(What::PanicsInAwait)))));
        }),
        way("panics after an await", Body, PANIC, |monitor, make| {
            monitor.scope_sync(|| assert!(panics(|| drive(make(What::PanicsAfterAwait)))));
        }),
        way(
            "panics in an await, is dropped later",
            Body,
            PANIC,
            |monitor, make| {
                monitor.scope_sync(|| caught_and_dropped(make(What::PanicsInAwait)));
            },
        ),
        way(
            "panics after an await, is dropped later",
            Body,
            PANIC,
            |monitor, make| {
                monitor.scope_sync(|| caught_and_dropped(make(What::PanicsAfterAwait)));
            },
        ),
        way(
            "begins and panics in a destructor",
            Body,
            PANIC,
            |monitor, make| {
                monitor.scope_sync(|| {
                    while_unwinding(|| assert!(panics(|| drive(make(What::PanicsAfterAwait)))));
                });
            },
        ),
        way(
            "begins and ends in a destructor",
            Value,
            SUCCESS,
            |monitor, make| {
                monitor.scope_sync(|| while_unwinding(|| drive(make(What::Ends))));
            },
        ),
        way(
            "goes on and ends in a destructor",
            Value,
            SUCCESS,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let mut future = make(What::Ends);
                    assert!(poll(&mut future).is_pending());
                    while_unwinding(|| drive(future));
                });
            },
        ),
        way(
            "ends before its neighbour panics",
            Value,
            SUCCESS,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let both = async { _ = tokio::join!(make(What::Ends), boom_late()) };
                    assert!(panics(|| drive(both)));
                });
            },
        ),
        way("catches a panic inside", Value, SUCCESS, |monitor, make| {
            monitor.scope_sync(|| drive(make(What::CatchesAPanic)));
        }),
    ]
}

async fn boom_late() {
    for _ in 0..4 {
        yield_now().await;
    }
    panic!("elsewhere")
}

/// The call is over when its panic was caught, however the future is dropped later.
fn caught_and_dropped(mut future: Made) {
    while !panics(|| assert!(poll(&mut future).is_pending())) {}
    while_unwinding(|| drop(future));
}

fn dropped() -> Vec<Way> {
    use Needs::Nothing;
    vec![
        way("is never polled", Nothing, "0 0 0 0", |monitor, make| {
            monitor.scope_sync(|| drop(make(What::Waits)));
        }),
        way(
            "is never polled, beside a panic",
            Nothing,
            "0 0 0 0",
            |monitor, make| {
                monitor.scope_sync(|| {
                    let future = make(What::Waits);
                    while_unwinding(|| drop(future));
                });
            },
        ),
        way("is dropped", Nothing, CANCELLED, |monitor, make| {
            monitor.scope_sync(|| drop(suspended(make)));
        }),
        way(
            "is dropped after more polls",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let mut future = suspended(make);
                    assert!(poll(&mut future).is_pending());
                    assert!(poll(&mut future).is_pending());
                    drop(future);
                });
            },
        ),
        way("is forgotten", Nothing, "1 0 0 1", |monitor, make| {
            monitor.scope_sync(|| std::mem::forget(suspended(make)));
        }),
        way("loses a race", Nothing, CANCELLED, |monitor, make| {
            monitor.scope_sync(|| {
                drive(async {
                    tokio::select! {
                        () = make(What::Waits) => {}
                        () = async { yield_now().await; yield_now().await } => {}
                    }
                });
            });
        }),
        way("is aborted", Nothing, CANCELLED, |monitor, make| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                let task = tokio::spawn(monitor.scope(make(What::Waits)));
                yield_now().await;
                task.abort();
                assert!(task.await.is_err_and(|error| error.is_cancelled()));
            });
        }),
        way(
            "is dropped on another thread",
            Nothing,
            CANCELLED,
            |monitor, make| {
                let future = monitor.scope_sync(|| suspended(make));
                assert!(std::thread::spawn(|| drop(future)).join().is_ok());
            },
        ),
        way(
            "begins and is dropped in a destructor",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| while_unwinding(|| drop(suspended(make))));
            },
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn dropped_by_a_panic_elsewhere() -> Vec<Way> {
    use Needs::Nothing;
    vec![
        way(
            "beside a panic in join!",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let both = async { _ = tokio::join!(make(What::Waits), boom()) };
                    assert!(panics(|| drive(both)));
                });
            },
        ),
        way(
            "behind a panic in join!",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let both = async { _ = tokio::join!(boom(), make(What::Waits)) };
                    assert!(panics(|| drive(both)));
                });
            },
        ),
        way(
            "beside a panic in select!",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let both = async {
                        tokio::select! { () = make(What::Waits) => {} () = boom() => {} }
                    };
                    assert!(panics(|| drive(both)));
                });
            },
        ),
        way(
            "beside a panic in join_all",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let both: [Made; 2] = [make(What::Waits), Box::pin(boom())];
                    assert!(panics(|| drive(async { drop(join_all(both).await) })));
                });
            },
        ),
        way(
            "beside a panic in FuturesUnordered",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let mut both: FuturesUnordered<Made> = FuturesUnordered::new();
                    both.push(make(What::Waits));
                    // In each poll it polls those that were woken, and our waker wakes no task.
                    let beside = async {
                        let waits = async { while both.next().await.is_some() {} };
                        _ = tokio::join!(waits, boom());
                    };
                    assert!(panics(|| drive(beside)));
                });
            },
        ),
        way("held in a local", Nothing, CANCELLED, |monitor, make| {
            monitor.scope_sync(|| {
                assert!(panics(|| {
                    let _future = suspended(make);
                    panic!("elsewhere")
                }));
            });
        }),
        way(
            "held in a local of a future",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let holds = async {
                        let _future = suspended(make);
                        boom().await;
                    };
                    assert!(panics(|| drive(holds)));
                });
            },
        ),
        way(
            "dropped in a destructor",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let future = suspended(make);
                    while_unwinding(|| drop(future));
                });
            },
        ),
        way(
            "polled again, then dropped in a destructor",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let mut future = suspended(make);
                    while_unwinding(|| {
                        assert!(poll(&mut future).is_pending());
                        drop(future);
                    });
                });
            },
        ),
        way(
            "dropped by a task that panics",
            Nothing,
            CANCELLED,
            |monitor, make| {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                runtime.unwrap().block_on(async {
                    let both = async move { _ = tokio::join!(make(What::Waits), boom()) };
                    let task = tokio::spawn(monitor.scope(both));
                    assert!(task.await.is_err_and(|error| error.is_panic()));
                });
            },
        ),
        way(
            "still counts after the panic",
            Nothing,
            CANCELLED,
            |monitor, make| {
                monitor.scope_sync(|| {
                    let future = suspended(make);
                    assert!(panics(|| panic!("elsewhere")));
                    drop(future);
                });
            },
        ),
    ]
}
