//! Waiting until nothing is in flight, on any executor.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::monitor::{Monitor, StillRunning};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Ends when nothing is in flight, or the limit is over.
///
/// It is woken by a thread of its own rather than by itself, so that an executor that has nothing else to do can go to
/// sleep: with a paused clock, that is when tokio moves its clock on.
pub(super) struct Idle {
    monitor: Monitor,
    start: Instant,
    limit: Duration,
    alarm: Option<Alarm>,
}

/// Whom to wake; the thread that does ends when this is dropped.
type Alarm = Arc<Mutex<Option<Waker>>>;

impl Idle {
    pub(super) fn new(monitor: Monitor, limit: Duration) -> Self {
        Self {
            monitor,
            start: Instant::now(),
            limit,
            alarm: None,
        }
    }

    /// Has the task woken in a moment.
    fn wake_later(&mut self, waker: &Waker) {
        let alarm = self.alarm.get_or_insert_with(start_alarm);
        *lock(alarm) = Some(waker.clone());
    }
}

impl Future for Idle {
    type Output = Result<(), StillRunning>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let tasks = self.monitor.in_flight();
        if tasks == 0 {
            return Poll::Ready(Ok(()));
        }
        if self.start.elapsed() >= self.limit {
            return Poll::Ready(Err(StillRunning { tasks }));
        }
        self.wake_later(context.waker());
        Poll::Pending
    }
}

fn start_alarm() -> Alarm {
    let alarm = Alarm::default();
    let weak = Arc::downgrade(&alarm);
    thread::spawn(move || ring(&weak));
    alarm
}

fn ring(alarm: &Weak<Mutex<Option<Waker>>>) {
    loop {
        thread::sleep(LOOK_EVERY);
        let Some(alarm) = alarm.upgrade() else {
            return;
        };
        let waker = lock(&alarm).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn lock(alarm: &Mutex<Option<Waker>>) -> MutexGuard<'_, Option<Waker>> {
    alarm.lock().unwrap_or_else(PoisonError::into_inner)
}
