//! A worker that blocks, without an async runtime: one thread does the jobs of a bounded queue. A job is a line over TCP, a
//! number of milliseconds to work, and its answer is a line, too.
//!
//! ```sh
//! cargo run -p monitor-examples --example worker_queue
//! printf '20\n' | nc -N localhost 7070
//! curl -s localhost:9999/metrics
//! ```
//!
//! `docs/workers.md` explains each part.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use monitor_core::metric::{Gauge, MetricDesc};
use monitor_core::{Here, MonitorError, here, monitored};
use monitor_server::{Heartbeat, MonitorConfig, MonitorServer};

/// Jobs that wait. A longer queue only makes each answer later.
const QUEUE: usize = 4;

#[derive(Debug, thiserror::Error, MonitorError)]
enum JobError {
    #[error("not a number of milliseconds")]
    #[monitor(expected)] // the client's mistake: it does not affect health
    Invalid,
    #[error("the queue is full")]
    #[monitor(error_type = "queue_full")]
    QueueFull,
    #[error("the service stops")]
    #[monitor(expected)]
    Stopping,
    #[error("the worker failed")]
    #[monitor(error_type = "worker")]
    Worker,
    #[error("cannot answer")]
    #[monitor(error_type = "client_io")]
    Answer(#[from] io::Error),
}

/// A job on its way to the worker.
struct Job {
    millis: u64,
    queued: Instant,
    /// The call of [`serve_job`], which is the caller of [`work`].
    caller: Here,
    result: SyncSender<u64>,
}

#[derive(Clone)]
struct Queue {
    jobs: SyncSender<Job>,
    depth: Gauge,
    server: MonitorServer,
}

impl Queue {
    /// Waits until the job is done.
    fn run(&self, line: &str) -> Result<u64, JobError> {
        let millis = line.trim().parse().map_err(|_| JobError::Invalid)?;
        if self.server.is_draining() {
            return Err(JobError::Stopping);
        }
        let (result, done) = sync_channel(1);
        let (queued, caller) = (Instant::now(), here());
        let job = Job {
            millis,
            queued,
            caller,
            result,
        };
        self.depth.inc();
        self.jobs.try_send(job).map_err(|_| {
            self.depth.dec();
            JobError::QueueFull
        })?;
        done.recv().map_err(|_| JobError::Worker)
    }
}

/// One job from its arrival to its answer. The answer is sent inside of the call: the drain waits for calls alone.
#[monitored(method = "Job")]
fn serve_job(line: &str, queue: &Queue, client: &mut TcpStream) -> Result<(), JobError> {
    let done = queue.run(line);
    match &done {
        Ok(rate) => writeln!(client, "done, {rate} a second")?,
        Err(error) => writeln!(client, "error: {error}")?,
    }
    done.map(drop)
}

/// The work itself. A job of 0 ms is a bug of this program: it panics.
#[monitored(method = "Work", call = call)]
fn work(job: &Job) -> u64 {
    call.observe("queue_time", job.queued.elapsed().as_secs_f64());
    thread::sleep(Duration::from_millis(job.millis));
    1_000 / job.millis
}

/// The worker's loop.
fn work_on(jobs: &Receiver<Job>, depth: &Gauge, heartbeat: &Heartbeat) {
    loop {
        // Each time around, also without jobs: where the worker hangs or has ended, `/livez` fails.
        heartbeat.pulse();
        let job = match jobs.recv_timeout(Duration::from_millis(500)) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        depth.dec();
        // A panic is counted as one of `Work`; the worker goes on with the next job.
        let work = || job.caller.run(|| work(&job));
        if let Ok(rate) = catch_unwind(AssertUnwindSafe(work)) {
            // An error where the client's thread has ended.
            let _ = job.result.send(rate);
        }
    }
}

/// Serves the lines of one client, one after the other.
fn serve_client(mut client: TcpStream, queue: &Queue) -> io::Result<()> {
    for line in BufReader::new(client.try_clone()?).lines() {
        // An error is counted, and the client has it.
        let _ = serve_job(&line?, queue, &mut client);
    }
    Ok(())
}

fn start(server: &MonitorServer) -> Result<Queue, Box<dyn Error>> {
    let (jobs, to_do) = sync_channel(QUEUE);
    let depth = server.register_gauge(MetricDesc::new("queue_depth", "Jobs that wait."))?;
    let (seen, heartbeat) = (depth.clone(), server.heartbeat());
    thread::spawn(move || work_on(&to_do, &seen, &heartbeat));
    let server = server.clone();
    Ok(Queue {
        jobs,
        depth,
        server,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = MonitorConfig::default()
        .heartbeat_timeout(Duration::from_secs(2)) // longer than any job
        .with_env()?;
    let server = monitor_server::run(config)?;
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:7070"))?;
    println!("jobs at {}", listener.local_addr()?);
    println!("metrics at http://{}/metrics", server.local_addr());
    let queue = start(&server)?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let queue = queue.clone();
            thread::spawn(move || serve_client(client, &queue));
        }
    });
    // SIGTERM or Ctrl-C: no further jobs; those that were taken have 20 s.
    server.drain_on_signal_blocking(Duration::from_secs(20))?;
    Ok(())
}
