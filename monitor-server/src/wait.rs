//! Waiting for running tasks to end, on any executor or none.
//!
//! The end of a call wakes nobody, so that calls cost no more; whoever waits looks now and then.

use std::time::{Duration, Instant};

use monitor_core::Monitor;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::TasksLeft;

/// The first look is after this long, and each pause twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// The longest pause: short beside a drain, long beside the cost of a look.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Name of the thread that waits where the server has stopped.
const THREAD_NAME: &str = "monitor-wait";

/// A wait under way.
struct Wait {
    monitor: Monitor,
    begin: Instant,
    limit: Duration,
    pause: Duration,
}

impl Wait {
    fn new(monitor: Monitor, limit: Duration) -> Self {
        Self {
            monitor,
            begin: Instant::now(),
            limit,
            pause: FIRST_PAUSE,
        }
    }

    /// The outcome, or how long to wait before the next look.
    fn look(&mut self) -> Result<Result<(), TasksLeft>, Duration> {
        let left = self.monitor.in_flight();
        if left == 0 {
            return Ok(Ok(()));
        }
        let remaining = self.limit.saturating_sub(self.begin.elapsed());
        if remaining.is_zero() {
            return Ok(Err(TasksLeft {
                left,
                limit: self.limit,
            }));
        }
        let pause = self.pause.min(remaining);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Err(pause)
    }

    fn block(mut self) -> Result<(), TasksLeft> {
        loop {
            match self.look() {
                Ok(outcome) => return outcome,
                Err(pause) => std::thread::sleep(pause),
            }
        }
    }

    async fn run(mut self) -> Result<(), TasksLeft> {
        loop {
            match self.look() {
                Ok(outcome) => return outcome,
                Err(pause) => tokio::time::sleep(pause).await,
            }
        }
    }
}

/// Lets some time pass, on any executor or none; where the server has stopped, or is not here, nobody is left to see it pass.
pub(crate) async fn pause(pause: Duration, runtime: Option<&Handle>) {
    let Some(runtime) = runtime.filter(|_| !pause.is_zero()) else {
        return;
    };
    let (sender, passed) = oneshot::channel();
    runtime.spawn(async move {
        tokio::time::sleep(pause).await;
        let _ = sender.send(());
    });
    let _ = passed.await;
}

pub(crate) fn for_ending_tasks_blocking(
    monitor: Monitor,
    limit: Duration,
) -> Result<(), TasksLeft> {
    Wait::new(monitor, limit).block()
}

/// The looking is done on the server's runtime, or on a thread of its own where that has ended or is not here; the caller
/// awaits a channel that needs no runtime.
pub(crate) async fn for_ending_tasks(
    monitor: Monitor,
    limit: Duration,
    runtime: Option<&Handle>,
) -> Result<(), TasksLeft> {
    let mut first = Wait::new(monitor, limit);
    let begin = first.begin;
    if let Ok(outcome) = first.look() {
        return outcome;
    }
    if let Some(runtime) = runtime {
        let (sender, receiver) = oneshot::channel();
        runtime.spawn(async move {
            let _ = sender.send(first.run().await);
        });
        if let Ok(outcome) = receiver.await {
            return outcome;
        }
    }
    let rest = Wait {
        begin,
        ..Wait::new(monitor, limit)
    };
    let (sender, receiver) = oneshot::channel();
    let spawned = std::thread::Builder::new()
        .name(THREAD_NAME.to_owned())
        .spawn(move || {
            let _ = sender.send(rest.block());
        });
    match (spawned, receiver.await) {
        (Ok(_), Ok(outcome)) => outcome,
        // No thread to be had: as much as can be said at once.
        _ => Wait::new(monitor, Duration::ZERO).block(),
    }
}
