//! `--load`: requests at a steady rate over kept connections, and a line of progress a second; and the client that sends too
//! many in the incident `overload`.

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use monitor_core::Monitor;
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::client::{Client, Request};
use crate::incident::{Faults, Incident};
use crate::mixture::{Kind, Mixture};

/// Requests under way at once, at most.
const CONNECTIONS: usize = 16;
/// The same of the client that sends too many: it waits for its answers, and most of the time eight of them are worked on.
const RUSH_CONNECTIONS: usize = 64;
/// Texts to spell that it sends a second: 8 permits and 20 ms for each make some 400 possible.
const RUSH: NonZeroU32 = NonZeroU32::new(600).expect("above 0");

type Work = (Kind, Request);

/// The settings of the load.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub addr: SocketAddr,
    pub per_second: NonZeroU32,
    /// `None`: until stopped.
    pub limit: Option<Duration>,
    pub monitor: Monitor,
}

/// The answers within one second.
#[derive(Debug, Default)]
struct Second {
    answered: u32,
    refused: u32,
    failed: u32,
    hung_up: u32,
    /// Requests that were due while every connection was busy and a second's worth was waiting.
    skipped: u32,
    latencies: Vec<Duration>,
}

type Shared = Arc<Mutex<Second>>;

/// Runs the load until its time is over or `stop` is true; every request it has begun has ended then.
pub(crate) async fn run(plan: Plan, mut stop: watch::Receiver<bool>) {
    let second = Shared::default();
    let mut connections = JoinSet::new();
    let queue = start_connections(
        plan.addr,
        CONNECTIONS,
        plan.per_second,
        &second,
        &mut connections,
    );
    let begun = Instant::now();
    tokio::select! {
        () = pace(plan.per_second, Mixture::new(), queue, &second) => {}
        () = report(&plan.monitor, &second) => {}
        () = end_after(plan.limit) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // The sender of the queue is dropped: connections finish the queued requests, and end.
    while connections.join_next().await.is_some() {}
    say(&format!(
        "load stopped after {:.0} s",
        begun.elapsed().as_secs_f64()
    ));
}

/// Sends too many requests in each incident `overload`, for ever. What is under way when it ends is cut off.
pub(crate) async fn rush(addr: SocketAddr, faults: Faults) {
    loop {
        faults.beginning_of(Incident::Overload).await;
        let answers = Shared::default();
        let mut connections = JoinSet::new();
        let queue = start_connections(addr, RUSH_CONNECTIONS, RUSH, &answers, &mut connections);
        tokio::select! {
            () = pace(RUSH, Mixture::of(Kind::Spelling), queue, &answers) => {}
            () = faults.end_of(Incident::Overload) => {}
        }
    }
}

async fn end_after(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}

fn start_connections(
    addr: SocketAddr,
    connections: usize,
    per_second: NonZeroU32,
    second: &Shared,
    running: &mut JoinSet<()>,
) -> mpsc::Sender<Work> {
    let waiting = usize::try_from(per_second.get())
        .unwrap_or(usize::MAX)
        .clamp(CONNECTIONS, 10_000);
    let (queue, work) = mpsc::channel(waiting);
    let work = Arc::new(AsyncMutex::new(work));
    for _ in 0..connections {
        running.spawn(serve(
            Client::new(addr),
            Arc::clone(&work),
            Arc::clone(second),
        ));
    }
    queue
}

/// Queues requests at a steady rate; ticks that come late are made up for at once, so the rate holds on average.
async fn pace(
    per_second: NonZeroU32,
    mut mixture: Mixture,
    queue: mpsc::Sender<Work>,
    second: &Shared,
) {
    let mut ticks = interval(Duration::from_secs(1) / per_second.get());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        ticks.tick().await;
        if queue.try_send(mixture.draw()).is_err() {
            update(second, |second| second.skipped += 1);
        }
    }
}

async fn serve(mut client: Client, work: Arc<AsyncMutex<mpsc::Receiver<Work>>>, second: Shared) {
    loop {
        // A statement of its own: the lock must not be held while the request runs.
        let next = work.lock().await.recv().await;
        let Some((kind, request)) = next else { return };
        if kind == Kind::HangUp {
            let sent = client.hang_up_after(&request).await.is_ok();
            update(&second, |second| {
                if sent {
                    second.hung_up += 1;
                } else {
                    second.failed += 1;
                }
            });
            continue;
        }
        let begun = Instant::now();
        let status = client.send(&request).await;
        let latency = begun.elapsed();
        update(&second, |second| {
            second.record(status.unwrap_or(0), latency);
        });
    }
}

fn update(second: &Shared, change: impl FnOnce(&mut Second)) {
    change(&mut second.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Prints a line a second, for ever.
async fn report(monitor: &Monitor, second: &Shared) {
    let begun = Instant::now();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let mut last = Second::default();
        update(second, |second| std::mem::swap(second, &mut last));
        let health = if monitor.health().healthy {
            "healthy"
        } else {
            "UNHEALTHY"
        };
        let in_flight = monitor.in_flight();
        say(&format!(
            "{:>6.0} s  {last}  in flight {in_flight:>2}  {health}",
            begun.elapsed().as_secs_f64()
        ));
    }
}

/// Unlike `println!`, it does not panic if the reader has closed the pipe.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

impl Second {
    /// `status` is 0 if there was no answer.
    fn record(&mut self, status: u16, latency: Duration) {
        match status {
            200..=299 => self.answered += 1,
            400..=499 => self.refused += 1,
            _ => self.failed += 1,
        }
        self.latencies.push(latency);
    }
}

impl std::fmt::Display for Second {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            answered,
            refused,
            failed,
            hung_up,
            skipped,
            latencies,
        } = self;
        let total = answered + refused + failed + hung_up;
        let mut sorted = latencies.clone();
        sorted.sort_unstable();
        write!(
            f,
            "{total:>5} req/s  ok {answered:>5}  refused {refused:>4}  failed {failed:>4}  hung up {hung_up:>3}"
        )?;
        write!(
            f,
            "  p50 {:>6.2} ms  p99 {:>6.2} ms",
            percentile(&sorted, 50),
            percentile(&sorted, 99)
        )?;
        if *skipped > 0 {
            write!(f, "  behind by {skipped}")?;
        }
        Ok(())
    }
}

/// The value, in milliseconds, that `percent` of the sorted ones do not exceed (nearest rank); 0 of none.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted
        .get(rank - 1)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let ranks = [50, 99, 100].map(|percent| percentile(&sorted, percent).round());
        assert_eq!(ranks.map(|ms| format!("{ms}")), ["100", "198", "200"]);
        assert!(percentile(&[], 99).abs() < f64::EPSILON);
    }

    #[test]
    fn answers_are_counted_by_what_they_mean() {
        let mut second = Second::default();
        for status in [200, 204, 404, 503, 0] {
            second.record(status, Duration::from_millis(1));
        }
        assert_eq!((second.answered, second.refused, second.failed), (2, 1, 2));
    }
}
