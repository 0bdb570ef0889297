//! Log lines of the server: written where a subscriber that blocks or panics harms nothing but the line.
//!
//! Subscribers are the service's code. A usual one blocks while a pipe is full, and panics where neither standard
//! output nor standard error can be written to, as once a terminal has closed. So the thread that serves calls none: it
//! begins with [`serve_on`], from which on `tracing` has no subscriber on it, and lines that go through [`log`] are
//! written on the pool, in its order, one line at a time. Elsewhere [`log`] writes at once. Where more than
//! [`MOST_WAITING`] lines wait, further ones are left out, and counted in the next that is written.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracing::dispatcher::{DefaultGuard, Dispatch, set_default};
use tracing::level_filters::LevelFilter;

use super::lock;
use super::pool::{Job, Pool};

/// Most lines that wait for a subscriber that blocks.
const MOST_WAITING: usize = 256;

/// Least time between two lines of the same kind.
const PAUSE: Duration = Duration::from_secs(10);

thread_local! {
    /// Set on a thread that serves.
    static QUEUE: OnceCell<Arc<LogQueue>> = const { OnceCell::new() };
}

/// Makes the current thread one on which no subscriber runs: lines go over this pool. Until the guard is dropped, and
/// for [`log`] until the thread's end.
pub(crate) fn serve_on(pool: &Pool) -> DefaultGuard {
    QUEUE.with(|queue| {
        let _ = queue.set(Arc::new(LogQueue {
            pool: pool.clone(),
            lines: Mutex::default(),
        }));
    });
    // No dispatcher of its own: one that is registered would have each event of the program asked for again.
    set_default(&Dispatch::none())
}

/// Writes to the log, from wherever a subscriber that blocks or panics would hold up or end more than the line.
pub(crate) fn log(line: impl FnOnce() + Send + 'static) {
    // An error: the thread is at its end, and its queue gone.
    let queue = QUEUE.try_with(|queue| queue.get().cloned());
    match queue.ok().flatten() {
        Some(queue) => queue.push(Box::new(line)),
        None => caught(line),
    }
}

/// The same for a line that is written at the level `DEBUG`: asked for by no subscriber, it costs a comparison.
pub(crate) fn log_debug(line: impl FnOnce() + Send + 'static) {
    if LevelFilter::current() >= LevelFilter::DEBUG {
        log(line);
    }
}

/// The panic hook has reported it, as far as anything can.
fn caught(line: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(line));
}

struct LogQueue {
    pool: Pool,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    waiting: VecDeque<Job>,
    /// Whether a job of the pool writes them.
    writing: bool,
    left_out: u64,
}

impl LogQueue {
    fn push(self: Arc<Self>, line: Job) {
        let mut lines = lock(&self.lines);
        if lines.waiting.len() == MOST_WAITING {
            lines.left_out += 1;
            return;
        }
        lines.waiting.push_back(line);
        if std::mem::replace(&mut lines.writing, true) {
            return;
        }
        drop(lines);
        let writer = Arc::clone(&self);
        if self.pool.run(move || writer.write()).is_err() {
            // The next line tries again; with no thread to be had, lines are the least that is lost.
            lock(&self.lines).writing = false;
        }
    }

    fn write(&self) {
        while let Some((line, left_out)) = self.next() {
            if left_out > 0 {
                caught(|| {
                    tracing::warn!(left_out, "log lines were left out: the subscriber is slow");
                });
            }
            caught(line);
        }
    }

    fn next(&self) -> Option<(Job, u64)> {
        let mut lines = lock(&self.lines);
        let line = lines.waiting.pop_front();
        lines.writing = line.is_some();
        line.map(|line| (line, std::mem::take(&mut lines.left_out)))
    }
}

/// Lets the first line of a kind through, then one every ten seconds with the number of those left out.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<ThrottleState>);

#[derive(Debug, Default)]
struct ThrottleState {
    last: Option<Instant>,
    left_out: u64,
}

impl LogThrottle {
    /// Writes a line that is given the number of lines left out since the last one, or counts one more.
    pub(crate) fn log(&self, line: impl FnOnce(u64) + Send + 'static) {
        if let Some(left_out) = self.turn(Instant::now()) {
            log(move || line(left_out));
        }
    }

    fn turn(&self, now: Instant) -> Option<u64> {
        let mut state = lock(&self.0);
        let is_early = |last| now.saturating_duration_since(last) < PAUSE;
        if state.last.is_some_and(is_early) {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::ThreadId;

    use super::*;

    #[test]
    fn a_flood_is_one_line_and_a_number() {
        let throttle = LogThrottle::default();
        let begin = Instant::now();
        assert_eq!(throttle.turn(begin), Some(0));
        for _ in 0..1000 {
            assert_eq!(throttle.turn(begin + PAUSE / 2), None);
        }
        assert_eq!(throttle.turn(begin + PAUSE), Some(1000));
        assert_eq!(throttle.turn(begin + PAUSE), None);
    }

    fn id() -> ThreadId {
        std::thread::current().id()
    }

    #[test]
    fn a_line_is_written_at_once_where_no_server_runs() {
        let (sender, written) = mpsc::channel();
        log(move || {
            let _ = sender.send(id());
        });
        assert_eq!(written.try_recv(), Ok(id()));
    }

    #[test]
    fn a_serving_thread_writes_no_line_and_waits_for_none() {
        let pool = Pool::default();
        let serving = std::thread::spawn(move || {
            let _serving = serve_on(&pool);
            let (release, blocked) = mpsc::channel::<()>();
            let (sender, written) = mpsc::channel();
            log(move || {
                let _ = blocked.recv();
            });
            for n in 0..MOST_WAITING + 50 {
                let sender = sender.clone();
                log(move || {
                    let _ = sender.send((n, id()));
                });
            }
            assert!(written.try_recv().is_err());
            drop((release, sender));
            let lines: Vec<_> = written.iter().collect();
            assert!(lines.iter().all(|(_, thread)| *thread != id()));
            let order: Vec<_> = lines.iter().map(|(n, _)| *n).collect();
            // The line that blocks may still stand in the queue when the others come.
            assert!(order.len() == MOST_WAITING || order.len() == MOST_WAITING - 1);
            assert!(order.iter().copied().eq(0..order.len()));
        });
        serving.join().expect("no failed assertion");
    }
}
