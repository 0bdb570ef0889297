//! The end of a service's life, in order: readiness off, a pause, running tasks to their end, then the server stops.
//! And the service's own part of it: [`MonitorServer::stopping`] stops its listener after the pause,
//! [`MonitorServer::is_draining`] its workers before it, and [`MonitorServer::serve_until_stopped`] goes through all
//! steps with one limit.
//!
//! Each step may be taken alone and by several callers at once: the drain begins once, the pause is counted from there,
//! and all waits look at the same numbers. Waits work on every executor and none, and end with the server: see
//! [`until`].

use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use monitor_core::snapshot::RunningCall;

use super::log::log;
use super::signals::{ShutdownSignals, Signal};
use super::{block_on, block_on_for, until};
use crate::error::TasksLeft;
use crate::run::MonitorServer;

/// Most tasks that the log names: entry calls, and tasks of the section `tasks`.
const MOST_NAMED: usize = 20;

/// Most calls that are read for that. A task may have many calls below it.
const MOST_READ: usize = 10_000;

/// Most calls of one task that the log names behind its entry call: the deepest ones.
const MOST_DEEPEST: usize = 3;

/// Why a drain that a signal began did not end as it should. The server has stopped, or is about to, but for the first.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrainError {
    /// Signals cannot be listened to. The server runs on.
    #[error("cannot listen for signals")]
    Signals {
        /// The operating system's error.
        source: io::Error,
    },
    /// Calls were left when the limit passed.
    #[error(transparent)]
    TasksLeft(#[from] TasksLeft),
    /// The service had not ended when the limit of
    /// [`serve_until_stopped`](MonitorServer::serve_until_stopped) passed, and was cut off.
    #[error("the service still ran after {limit:?}, with {left} calls")]
    StillServing {
        /// How many calls still ran.
        left: u64,
        /// The limit that passed.
        limit: Duration,
    },
    /// A second signal cut it short.
    #[error("a second signal, {signal}, cut the drain short; {left} calls still ran")]
    Interrupted {
        /// The second one.
        signal: Signal,
        /// How many calls still ran.
        left: u64,
    },
}

/// Ending.
impl MonitorServer {
    /// Waits until no call, and no task of the section `tasks`, is in flight, at most for this long. Works on every
    /// executor.
    ///
    /// New calls may begin meanwhile; a service that ends stops taking requests first.
    ///
    /// # Errors
    ///
    /// The limit passed; the error has the number of calls that were left.
    pub async fn wait_for_ending_tasks(&self, limit: Duration) -> Result<(), TasksLeft> {
        let (monitor, begin) = (self.monitor(), Instant::now());
        until(|| monitor.in_flight() == 0 || begin.elapsed() >= limit).await;
        match monitor.in_flight() {
            0 => Ok(()),
            left => Err(TasksLeft { left, limit }),
        }
    }

    /// The same, blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`wait_for_ending_tasks`](Self::wait_for_ending_tasks).
    pub fn wait_for_ending_tasks_blocking(&self, limit: Duration) -> Result<(), TasksLeft> {
        let waited = self.monitor().wait_blocking(limit);
        waited.map_err(|left| TasksLeft {
            left: left.calls,
            limit,
        })
    }

    /// Turns `/readyz` to 503, for good; everything else goes on. The first step of [`drain`](Self::drain).
    /// In a fork nothing happens.
    pub fn begin_drain(&self) {
        if self.inner.thread.is_here() {
            self.inner.health.set_draining(None);
        }
    }

    /// Calls are waited for until so long after the pause.
    fn set_drain_limit(&self, limit: Duration) {
        let health = &self.inner.health;
        let wait = health.pause_left().checked_add(limit);
        let limit = wait.and_then(|wait| Instant::now().checked_add(wait));
        health.lifecycle.set_drain_limit(limit);
    }

    /// Ends the service's life in order: `/readyz` turns to 503, [`drain_pause`](crate::MonitorConfig::drain_pause)
    /// passes, running calls are waited for, at most for `limit`, then the server stops as with
    /// [`shutdown`](Self::shutdown). Until then `/metrics` and the probes keep answering. The log names the tasks that
    /// are left at the end, the oldest first, with their ages and the calls that they are in.
    ///
    /// The pause is the rest of it since [`begin_drain`](Self::begin_drain) or an earlier drain. Once a second signal
    /// has cut short a [`shutdown_signal`](Self::shutdown_signal), there is neither pause nor limit, and the server
    /// stops without waiting for its own requests. Works on every executor.
    ///
    /// # Errors
    ///
    /// The limit passed; the error has the number of calls that were left. The server has stopped then, too, or is
    /// about to after a second signal.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the server running, with `/readyz` at 503.
    pub async fn drain(&self, limit: Duration) -> Result<(), TasksLeft> {
        self.begin_drain();
        self.set_drain_limit(limit);
        self.pause().await;
        self.end_tasks(limit).await
    }

    /// The steps of a drain behind its pause.
    async fn end_tasks(&self, limit: Duration) -> Result<(), TasksLeft> {
        let is_hurried = self.inner.health.lifecycle.is_hurried();
        let calls = self.monitor().in_flight();
        if calls > 0 && !is_hurried {
            log(move || tracing::info!(calls, "draining: waiting for calls to end"));
        }
        let limit = if is_hurried { Duration::ZERO } else { limit };
        let waited = self.wait_for_ending_tasks(limit).await;
        if let Err(TasksLeft { left, .. }) = waited {
            let calls = tasks_left(&self.monitor().running(MOST_READ), left);
            log(move || {
                tracing::warn!(left, %calls, "calls still run after the limit of the drain");
            });
        }
        if is_hurried {
            self.stop_at_once();
        } else {
            self.stop_and_wait().await;
        }
        waited
    }

    /// The same, blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain).
    pub fn drain_blocking(&self, limit: Duration) -> Result<(), TasksLeft> {
        block_on(self.drain(limit))
    }

    /// Waits out the rest of the pause, as long as the server runs.
    async fn pause(&self) {
        let (health, thread) = (&self.inner.health, &self.inner.thread);
        until(|| !thread.is_running() || health.pause_left().is_zero()).await;
    }

    /// Waits for SIGTERM or Ctrl-C, turns `/readyz` to 503 and waits out
    /// [`drain_pause`](crate::MonitorConfig::drain_pause): then the service's own listener should stop, and
    /// [`drain`](Self::drain) follow. A second signal ends the pause at once, and has that drain wait for nothing.
    /// Works on every executor and none.
    ///
    /// Signals are listened to from this call on, not from the first poll: one that came meanwhile is not lost. And
    /// from the first call in a process on, one without a listener ends the process: see [`ShutdownSignals`]. So a
    /// second signal while the service's listener stops ends it at once.
    ///
    /// # Errors
    ///
    /// Signals cannot be listened to, as in a fork of the server's process.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn serve_until(stop: impl Future) {}
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use monitor_server::MonitorConfig;
    ///
    /// let server = monitor_server::run(MonitorConfig::default().drain_pause(Duration::from_secs(5)))?;
    /// serve_until(server.shutdown_signal()).await; // axum's or tonic's graceful shutdown
    /// server.drain(Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown_signal(&self) -> impl Future<Output = io::Result<Signal>> + Send + use<> {
        let (server, listened) = (self.clone(), self.listen());
        async move {
            let mut signals = listened?;
            let signal = signals.recv().await;
            server.pause_after(signal, &mut signals).await;
            Ok(signal)
        }
    }

    /// Waits out the pause of a drain that a signal begins; a second one ends it.
    async fn pause_after(&self, signal: Signal, signals: &mut ShutdownSignals) {
        // Each of several listeners comes here.
        if self.inner.health.set_draining(Some(signal)) {
            log(move || tracing::info!(%signal, "signal received: the service is to end"));
        }
        tokio::select! {
            () = self.pause() => {}
            second = signals.recv() => {
                self.inner.health.lifecycle.set_hurried();
                log(move || tracing::warn!(signal = %second, "second signal received: the drain will wait for nothing"));
            }
        }
    }

    /// Waits for SIGTERM or Ctrl-C, then [drains](Self::drain). A second signal meanwhile ends that at once: the server
    /// stops without waiting for calls or for its own requests, and this returns. Works on every executor.
    ///
    /// Signals are listened to from this call on, not from the first poll: one that came meanwhile is not lost.
    /// Afterwards they end the process as ever: see [`ShutdownSignals`].
    ///
    /// # Errors
    ///
    /// Signals cannot be listened to, calls were left at the limit, or a second signal came.
    ///
    /// # Cancellation
    ///
    /// Dropping the future before a signal changes nothing, afterwards it leaves the server running, with `/readyz` at
    /// 503.
    pub fn drain_on_signal(
        &self,
        limit: Duration,
    ) -> impl Future<Output = Result<Signal, DrainError>> + Send + use<> {
        let (server, listened) = (self.clone(), self.listen());
        async move {
            let mut signals = listened.map_err(|source| DrainError::Signals { source })?;
            let signal = signals.recv().await;
            server.inner.health.set_draining(Some(signal));
            log(move || tracing::info!(%signal, "signal received: draining"));
            tokio::select! {
                drained = server.drain(limit) => drained.map(|()| signal).map_err(DrainError::from),
                signal = signals.recv() => Err(server.interrupt(signal)),
            }
        }
    }

    fn listen(&self) -> io::Result<ShutdownSignals> {
        self.inner.thread.check_here().map_err(io::Error::other)?;
        ShutdownSignals::listen()
    }

    /// The same, blocking the calling thread: the last line of a program without a runtime.
    ///
    /// # Errors
    ///
    /// As [`drain_on_signal`](Self::drain_on_signal).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let server = monitor_server::run(monitor_server::MonitorConfig::default())?;
    /// // .. threads that work ..
    /// server.drain_on_signal_blocking(Duration::from_secs(30))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain_on_signal_blocking(&self, limit: Duration) -> Result<Signal, DrainError> {
        block_on(self.drain_on_signal(limit))
    }
}

/// The service's own part of its end.
impl MonitorServer {
    /// True once a drain has begun, or the server has stopped: then a worker takes no further job. Costs a lock for
    /// reading.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// let server = monitor_server::run(MonitorConfig::default().listen([127, 0, 0, 1]).port(0))?;
    /// let jobs = server.clone();
    /// let worker = std::thread::spawn(move || {
    ///     while !jobs.is_draining() {
    ///         std::thread::yield_now(); // one job
    ///     }
    /// });
    /// server.begin_drain();
    /// worker.join().expect("it does not panic");
    /// server.shutdown();
    /// # Ok::<(), monitor_server::RunError>(())
    /// ```
    pub fn is_draining(&self) -> bool {
        !self.inner.thread.is_running() || self.inner.health.lifecycle.is_draining()
    }

    /// Waits until a drain begins, or the server stops: for an async worker, which ends then. It listens to no signal;
    /// [`stopping`](Self::stopping) does. Works on every executor.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub fn wait_for_drain(&self) -> impl Future<Output = ()> + Send + use<> {
        let server = self.clone();
        async move {
            let inner = &server.inner;
            if inner.thread.is_here() {
                tokio::select! {
                    () = inner.health.lifecycle.wait_for_drain() => {}
                    () = inner.thread.ended() => {}
                }
            }
        }
    }

    /// The same, blocking the calling thread, at most for this long: the pause between two jobs of a worker. Returns
    /// true once a drain has begun or the server has stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use monitor_server::MonitorConfig;
    ///
    /// let server = monitor_server::run(MonitorConfig::default().listen([127, 0, 0, 1]).port(0))?;
    /// let told = server.clone();
    /// let worker = std::thread::spawn(move || {
    ///     let mut jobs = 0;
    ///     while !told.wait_for_drain_blocking(Duration::from_millis(1)) {
    ///         jobs += 1; // a job
    ///     }
    ///     jobs
    /// });
    /// server.drain_blocking(Duration::from_secs(10))?;
    /// worker.join().expect("it does not panic");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_drain_blocking(&self, limit: Duration) -> bool {
        block_on_for(self.wait_for_drain(), limit).is_some() || self.is_draining()
    }

    /// Ends when the service's own listener should stop: for `with_graceful_shutdown` of axum and the like. That is
    /// after SIGTERM or Ctrl-C, or after [`begin_drain`](Self::begin_drain), and after `/readyz` was 503 for
    /// [`drain_pause`](crate::MonitorConfig::drain_pause); at once where the server has stopped. Any number of listeners
    /// may have one each. [`serve_until_stopped`](Self::serve_until_stopped) or [`drain`](Self::drain) does the rest.
    ///
    /// Signals are as in [`shutdown_signal`](Self::shutdown_signal): listened to from this call on, and a second one
    /// ends the pause. A first one during the pause of a drain that code began does not end it. Where signals cannot be
    /// listened to, that is logged, and drains that code begins count alone. Works on every executor.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(app: axum::Router, listener: tokio::net::TcpListener)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use monitor_server::MonitorConfig;
    ///
    /// let server = monitor_server::run(MonitorConfig::default())?;
    /// let serving = axum::serve(listener, app).with_graceful_shutdown(server.stopping());
    /// server.serve_until_stopped(Duration::from_secs(20), serving).await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let (server, listened) = (self.clone(), self.listen());
        async move {
            let Ok(signals) = listened.inspect_err(|error| {
                let error = error.to_string();
                log(move || tracing::warn!(%error, "signals do not stop the service"));
            }) else {
                server.wait_for_drain().await;
                return server.pause().await;
            };
            server.wait_for_stopping(signals).await;
        }
    }

    async fn wait_for_stopping(&self, mut signals: ShutdownSignals) {
        let signal = tokio::select! {
            signal = signals.recv() => signal,
            () = self.wait_for_drain() => tokio::select! {
                () = self.pause() => return,
                signal = signals.recv() => signal,
            }
        };
        self.pause_after(signal, &mut signals).await;
    }

    /// Serves until the service is to end, and ends it in order, with one limit for both halves: the service's own
    /// requests and all other tasks. `serving` is the service's own listener, which [`stopping`](Self::stopping) stops,
    /// as in the example there.
    ///
    /// SIGTERM, Ctrl-C or [`begin_drain`](Self::begin_drain) begin the end: `/readyz` turns to 503 and
    /// [`drain_pause`](crate::MonitorConfig::drain_pause) passes. From then on `serving` and the tasks have `limit`
    /// together. What still serves then is polled no more; the calls that are left, its own too, are logged; the server
    /// stops as with [`shutdown`](Self::shutdown), where its own requests have
    /// [`Limits::stop_grace`](crate::Limits::stop_grace); and what still serves is dropped. A second signal ends all of it at once. Where `serving` ends by itself, a drain without a pause follows.
    ///
    /// Works on every executor. Dropping a server's future leaves the connections alone that it spawned as tasks: they
    /// end with their runtime.
    ///
    /// # Errors
    ///
    /// Signals cannot be listened to; `serving` or other tasks were left at the limit; or a second signal came. The
    /// output of `serving` is lost then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops `serving` and leaves the server running.
    pub fn serve_until_stopped<S: IntoFuture>(
        &self,
        limit: Duration,
        serving: S,
    ) -> impl Future<Output = Result<S::Output, DrainError>> + use<S> {
        let (server, listened) = (self.clone(), self.listen());
        let serving = serving.into_future();
        async move {
            let mut signals = listened.map_err(|source| DrainError::Signals { source })?;
            // Both count from the same signal on.
            let stopping = server.wait_for_stopping(signals.clone());
            let second = async {
                signals.recv().await;
                signals.recv().await
            };
            tokio::select! {
                // A second signal hurries the drain too: its own answer comes first.
                biased;
                signal = second => Err(server.interrupt(signal)),
                ended = server.serve_and_drain(limit, serving, stopping) => ended,
            }
        }
    }

    async fn serve_and_drain<T>(
        &self,
        limit: Duration,
        serving: impl Future<Output = T>,
        stopping: impl Future<Output = ()>,
    ) -> Result<T, DrainError> {
        let mut serving = pin!(serving);
        let mut served = tokio::select! {
            served = &mut serving => Some(served),
            () = stopping => None,
        };
        self.begin_drain();
        let begin = Instant::now();
        let end = begin.checked_add(limit);
        self.inner.health.lifecycle.set_drain_limit(end);
        let left = || limit.saturating_sub(begin.elapsed());
        if served.is_none() {
            served = tokio::select! {
                served = serving => Some(served),
                () = until(|| left().is_zero()) => None,
            };
        }
        let ended = self.end_tasks(left()).await;
        let left = ended.map_or_else(|tasks| tasks.left, |()| 0);
        match served {
            None => Err(DrainError::StillServing { left, limit }),
            Some(_) if left > 0 => Err(TasksLeft { left, limit }.into()),
            Some(served) => Ok(served),
        }
    }

    /// Ends a drain at once.
    fn interrupt(&self, signal: Signal) -> DrainError {
        let left = self.monitor().in_flight();
        log(move || tracing::warn!(%signal, left, "second signal received: stopping at once"));
        self.stop_at_once();
        DrainError::Interrupted { signal, left }
    }
}

/// The tasks that are left, for a line of the log, the oldest first: `Serve 12.3 s > Query 12.1 s (+2), Tick 3.0 s, and
/// 7 more`. Each of the calls that are left is named or counted.
fn tasks_left(running: &[RunningCall], left: u64) -> String {
    let tasks = running.chunk_by(|_, call| call.depth > 0);
    let named: Vec<&[RunningCall]> = tasks.take(MOST_NAMED).collect();
    let calls: usize = named.iter().map(|task| task.len()).sum();
    let mut texts: Vec<String> = named.into_iter().map(task_left).collect();
    let others = left.saturating_sub(calls as u64);
    if others > 0 {
        texts.push(format!("and {others} more"));
    }
    texts.join(", ")
}

/// An entry call and the calls below it, of several that one call waits for the oldest; with the thread that is in the
/// code of the last one. Those that are not named are counted.
fn task_left(task: &[RunningCall]) -> String {
    let depths = (0..).zip(task);
    let path = depths.take_while(|(depth, call)| call.depth == *depth);
    let mut path: Vec<String> = path.map(|(_, call)| call_left(call)).collect();
    let thread = task[path.len() - 1].thread.as_ref();
    let thread = thread.map_or_else(String::new, |name| format!(" on {name}"));
    let mut named_calls = path.len();
    if named_calls > 1 + MOST_DEEPEST {
        path.splice(1..named_calls - MOST_DEEPEST, ["..".to_owned()]);
        named_calls = 1 + MOST_DEEPEST;
    }
    let others = match task.len() - named_calls {
        0 => String::new(),
        others => format!(" (+{others})"),
    };
    format!("{}{thread}{others}", path.join(" > "))
}

/// A call with its age, and before it its caller where that is no call of the list.
fn call_left(call: &RunningCall) -> String {
    let labels = call.labels.iter();
    let labels = labels.map(|label| format!("{}={:?}", label.name, label.value));
    let mut labels = labels.collect::<Vec<_>>().join(",");
    if !labels.is_empty() {
        labels = format!("{{{labels}}}");
    }
    let caller = call.caller.iter().map(|name| format!("({name}) > "));
    let caller: String = caller.collect();
    let age = call.age.as_secs_f64();
    format!("{caller}{}{labels} {age:.1} s", call.name)
}

#[cfg(test)]
mod tests {
    use monitor_core::{CallGuard, Clock, ManualClock, Monitor, Outcome, StorageConfig};

    use super::*;

    fn by_hand() -> (Monitor, ManualClock) {
        let (clock, hand) = Clock::manual(0.0);
        (Monitor::with_clock(StorageConfig::default(), clock), hand)
    }

    fn text(monitor: Monitor) -> String {
        tasks_left(&monitor.running(MOST_READ), monitor.in_flight())
    }

    #[test]
    fn tasks_left_are_named_with_labels_and_ages_oldest_first() {
        let (monitor, hand) = by_hand();
        let load = monitor.method("Load").expect("a name");
        let labelled = load.with_labels(&[("b", "x\"y"), ("a", "1")]);
        let first = labelled.expect("good labels").start();
        hand.advance(Duration::from_millis(1500));
        let second = load.start();
        assert_eq!(text(monitor), r#"Load{a="1",b="x\"y"} 1.5 s, Load 0.0 s"#);
        drop((first, second));
        assert_eq!(text(monitor), "");
    }

    #[test]
    fn each_task_is_named_with_the_calls_it_is_in() {
        let (monitor, hand) = by_hand();
        let start = |name: &str| {
            hand.advance(Duration::from_secs(1));
            monitor.method(name).expect("a name").start()
        };
        monitor.scope_sync(|| {
            let serve = start("Serve");
            let query = serve.run(|| start("Query"));
            let (row, render) = (query.run(|| start("Row")), serve.run(|| start("Render")));
            let tick = start("Tick");
            monitor.add_key_value("tasks", "job", 2.0).expect("a start");
            assert_eq!(
                text(monitor),
                "Serve 4.0 s > Query 3.0 s > Row 2.0 s (+1), job 3.0 s, Tick 0.0 s"
            );
            query.finish(Outcome::Success);
            assert_eq!(
                text(monitor),
                "Serve 4.0 s > Render 1.0 s, job 3.0 s, (Query) > Row 2.0 s, Tick 0.0 s"
            );
            let own = std::thread::current();
            let on_thread = format!("Tick 0.0 s on {}", own.name().expect("tests have names"));
            assert!(tick.run(|| text(monitor)).ends_with(&on_thread));
            drop((serve, row, render, tick));
        });
    }

    #[test]
    fn calls_that_are_not_named_are_counted() {
        let (monitor, hand) = by_hand();
        let [serve, load] = ["Serve", "Load"].map(|name| monitor.method(name).expect("a name"));
        monitor.scope_sync(|| {
            let mut calls: Vec<CallGuard> = vec![serve.start()];
            hand.advance(Duration::from_secs(1));
            while calls.len() < 10 {
                let deeper = calls[calls.len() - 1].run(|| load.start());
                calls.push(deeper);
            }
            let deep = "Serve 1.0 s > .. > Load 0.0 s > Load 0.0 s > Load 0.0 s (+6)";
            assert_eq!(text(monitor), deep);
            hand.advance(Duration::from_secs(1));
            calls.extend((0..30).map(|_| serve.start()));
            let text = text(monitor);
            assert_eq!(text.matches(", Serve 0.0 s").count(), MOST_NAMED - 1);
            assert!(text.ends_with(", and 11 more"), "{text}");
        });
    }
}
