//! The threads of a server for all that may block, or is the service's own code: gathering, pages, checks, passwords,
//! files, log lines.
//!
//! A job takes an idle thread, else a new one: it never waits behind another, so a job that hangs holds its own thread
//! and nothing else. There is no limit here: the callers bound their jobs (one gather a source, one run a check, one
//! password at a time). A thread that has been idle for [`KEEP_IDLE`] ends; the last [`Pool`] that goes, or
//! [`Pool::close`], ends all idle ones.
//!
//! One mutex guards the jobs and the number of idle threads. A caller that finds an idle thread takes it off that
//! number itself, with the job pushed under the same lock; so there are never more jobs than threads that are on their
//! way to them.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::lock;

/// Name of the pool's threads; 12 bytes, Linux shows 15.
pub(crate) const THREAD_NAME: &str = "monitor-pool";

/// How long an idle thread waits for its next job.
const KEEP_IDLE: Duration = Duration::from_secs(10);

/// A piece of work. Its values are dropped on each way out, so a guard among them reports a job that never ran.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Threads for jobs; clones are the same pool.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Owner>);

/// Goes with the last [`Pool`]; the threads hold its content alone.
#[derive(Debug, Default)]
struct Owner(Arc<PoolShared>);

#[derive(Default)]
struct PoolShared {
    state: Mutex<PoolState>,
    changed: Condvar,
}

#[derive(Default)]
struct PoolState {
    jobs: VecDeque<Job>,
    /// Threads that wait, less the jobs that are pushed for them.
    idle: usize,
    busy: usize,
    closed: bool,
}

impl Pool {
    /// Runs a job on a thread of the pool. Where there is no thread to be had, or the pool is closed, the job is
    /// dropped.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let shared = &self.0.0;
        let mut state = lock(&shared.state);
        if state.closed {
            return Err(io::Error::other("the server has stopped"));
        }
        state.busy += 1;
        if let Some(idle) = state.idle.checked_sub(1) {
            state.idle = idle;
            state.jobs.push_back(Box::new(job));
            shared.changed.notify_all();
            return Ok(());
        }
        drop(state);
        let of_thread = Arc::clone(shared);
        let spawned = std::thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || of_thread.work(Box::new(job)));
        if spawned.is_err() {
            lock(&shared.state).busy -= 1;
            shared.changed.notify_all();
        }
        spawned.map(drop)
    }

    /// The same for a job whose value is awaited, on any executor. `None` where it did not run, or panicked.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, value) = oneshot::channel();
        self.run(move || {
            let _ = sender.send(job());
        })
        .ok()?;
        value.await.ok()
    }

    /// Ends the idle threads and takes no job any more; waits at most this long for those that run. A job that hangs
    /// cannot be ended: its thread goes when it returns.
    pub(crate) fn close(&self, grace: Duration) {
        let shared = &self.0.0;
        shared.close();
        let state = lock(&shared.state);
        // Poisoned or too late: the jobs that are left are left.
        drop(
            shared
                .changed
                .wait_timeout_while(state, grace, |state| state.busy > 0),
        );
    }
}

impl PoolShared {
    fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    fn work(&self, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            // The panic hook has reported it; the values of the job report the rest when they are dropped.
            let _ = catch_unwind(AssertUnwindSafe(job));
            next = self.next();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        state.busy -= 1;
        if state.closed {
            self.changed.notify_all();
        }
        state.idle += 1;
        let waited = self.changed.wait_timeout_while(state, KEEP_IDLE, |state| {
            state.jobs.is_empty() && !state.closed
        });
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let job = state.jobs.pop_front();
        if job.is_none() {
            state.idle -= 1;
        }
        job
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl std::fmt::Debug for PoolShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolShared").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    use super::*;

    #[test]
    fn a_job_that_hangs_holds_no_other_and_an_idle_thread_is_used_again() {
        let pool = Pool::default();
        let (release, hung) = mpsc::channel::<()>();
        pool.run(move || {
            let _ = hung.recv();
        })
        .expect("a thread");
        let (sender, ids) = mpsc::channel();
        let mut seen = Vec::new();
        for _ in 0..20 {
            let sender = sender.clone();
            pool.run(move || {
                let _ = sender.send(std::thread::current().id());
            })
            .expect("a thread");
            seen.push(ids.recv().expect("the job ran"));
            while lock(&pool.0.0.state).idle == 0 {
                std::thread::yield_now();
            }
        }
        seen.dedup();
        assert_eq!(seen.len(), 1);
        drop(release);
    }

    #[test]
    fn each_of_many_jobs_runs_once_while_all_wait_for_each_other() {
        let pool = Pool::default();
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            // Nothing of a round ends before all of it has begun: none may wait behind another.
            let barrier = Arc::new(Barrier::new(17));
            for _ in 0..16 {
                let (barrier, ran) = (Arc::clone(&barrier), Arc::clone(&ran));
                pool.run(move || {
                    barrier.wait();
                    ran.fetch_add(1, Ordering::Relaxed);
                })
                .expect("a thread");
            }
            barrier.wait();
        }
        pool.close(Duration::from_mins(1));
        assert_eq!(ran.load(Ordering::Relaxed), 20 * 16);
    }

    #[test]
    fn a_panic_ends_a_job_alone_and_a_closed_pool_takes_none() {
        let pool = Pool::default();
        let called = |job: fn() -> u8| super::super::block_on(pool.call(job));
        assert_eq!(called(|| panic!("in a job")), None);
        assert_eq!(called(|| 7), Some(7));
        pool.close(Duration::ZERO);
        assert_eq!(called(|| 7), None);
        assert!(pool.run(|| ()).is_err());
    }

    #[test]
    fn idle_threads_end_with_the_last_pool() {
        let pool = Pool::default();
        let shared = Arc::downgrade(&pool.0.0);
        super::super::block_on(pool.call(|| ())).expect("ran");
        drop(pool.clone());
        assert!(shared.upgrade().is_some());
        drop(pool);
        while shared.upgrade().is_some() {
            std::thread::yield_now();
        }
    }
}
