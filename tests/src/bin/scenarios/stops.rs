//! Services that receive SIGTERM: a blocking worker, and warp.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use monitor_core::monitored;
use monitor_server::{DrainError, MonitorConfig, MonitorServer, ShutdownSignals, Signal};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use warp::Filter;

use crate::{
    BASE, CALLS, Result, say, say_address, service_runtime, wait_for_calls, wait_for_input,
    wait_until_counted,
};

/// The time that a stopping service gives its requests: long enough to ask for all its pages meanwhile.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The time that a worker has for its job: as long as a test may take.
const JOB_LIMIT: Duration = Duration::from_mins(10);

#[monitored(method = "Pay")]
fn pay() {}

/// A request that takes a minute.
#[monitored(method = "Report")]
async fn report() -> String {
    tokio::time::sleep(Duration::from_mins(1)).await;
    "the report".to_owned()
}

/// A job that lasts until the input ends.
#[monitored(method = "Job")]
fn run_job() -> io::Result<()> {
    wait_for_input()?;
    say("the job ends")
}

/// Runs the service until it has stopped; true if it did so in order.
pub(crate) fn run(name: &str) -> Result<bool> {
    let runtime = service_runtime()?;
    let server = monitor_server::run(MonitorConfig::from_yaml(BASE)?)?;
    (0..CALLS).for_each(|_| pay());
    wait_until_counted();
    match name {
        "blocking worker, SIGTERM" => work(&server, &runtime),
        "60 s request, SIGTERM" => serve(&server, runtime),
        _ => Err(format!("no scenario `{name}`").into()),
    }
}

/// A thread that works until the drain begins, in a service that drains on a signal.
fn work(server: &MonitorServer, runtime: &Runtime) -> Result<bool> {
    let told = server.clone();
    let worker = std::thread::spawn(move || -> io::Result<()> {
        while !told.is_draining() {
            run_job()?;
        }
        Ok(())
    });
    wait_for_calls(server, 1);
    let draining = server.drain_on_signal(JOB_LIMIT);
    say_address(server)?;
    let is_in_order = say_end(&runtime.block_on(draining))?;
    worker.join().map_err(|_| "the worker panicked")??;
    Ok(is_in_order)
}

/// An HTTP service with a client that waits for its answer.
fn serve(server: &MonitorServer, runtime: Runtime) -> Result<bool> {
    let mut signals = ShutdownSignals::listen()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let client = start_client(listener.local_addr()?);
    let serving = warp::serve(warp::any().then(report)).incoming(listener);
    let serving = serving.graceful(server.stopping()).run();
    let stopping = runtime.spawn(server.serve_until_stopped(STOP_LIMIT, serving));
    wait_for_calls(server, 1);
    say_address(server)?;
    let stopped = runtime.block_on(stopping)?;
    let is_in_order = say_end(&stopped.map(|()| signals.wait()))?;
    // Its connections end with it.
    drop(runtime);
    let answer = client.join().map_err(|_| "the client panicked")?;
    let is_answered = answer.is_ok_and(|answer| answer.ends_with("the report"));
    let ending = if is_answered { "the" } else { "no" };
    say(&format!("the client has {ending} answer"))?;
    Ok(is_in_order)
}

fn start_client(address: SocketAddr) -> JoinHandle<io::Result<String>> {
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    })
}

/// Prints how the service ended; true if in order.
pub(crate) fn say_end(ended: &Result<Signal, DrainError>) -> io::Result<bool> {
    match ended {
        Ok(signal) => say(&format!("drained after {signal}"))?,
        Err(error) => say(&error.to_string())?,
    }
    Ok(ended.is_ok())
}
