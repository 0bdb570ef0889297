//! Services that receive SIGTERM: a blocking worker, and warp.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use monitor_core::monitored;
use monitor_server::{DrainError, MonitorConfig, MonitorServer, ShutdownSignals, Signal};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use warp::Filter;

use crate::clients;
use crate::{
    BASE, CALLS, Result, say, say_address, service_runtime, wait_for_calls, wait_for_input,
    wait_until_counted,
};

/// The time that a stopping service gives its requests: long enough to ask for all its pages meanwhile.
const STOP_LIMIT: Duration = Duration::from_secs(10);

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
        "60 s request, SIGTERM" => serve_warp(&server, runtime),
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
    wait_for_calls(server, 1)?;
    let draining = server.drain_on_signal(JOB_LIMIT);
    say_address(server)?;
    let is_in_order = say_end(&runtime.block_on(draining))?;
    worker.join().map_err(|_| "the worker panicked")??;
    Ok(is_in_order)
}

/// A service of warp's with a client that waits for its answer.
fn serve_warp(server: &MonitorServer, runtime: Runtime) -> Result<bool> {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let client = start_client(listener.local_addr()?, "/", "");
    let serving = warp::serve(warp::any().then(report)).incoming(listener);
    let serving = serving.graceful(server.stopping()).run();
    serve(server, runtime, serving, client)
}

/// Serves until a signal has come and the service has stopped, or has come to its limit; true if it stopped in order.
pub(crate) fn serve<S>(
    server: &MonitorServer,
    runtime: Runtime,
    serving: S,
    client: JoinHandle<String>,
) -> Result<bool>
where
    S: Future<Output: Send> + Send + 'static,
{
    let mut signals = ShutdownSignals::listen()?;
    let stopping = runtime.spawn(server.serve_until_stopped(STOP_LIMIT, serving));
    wait_for_calls(server, 1)?;
    say_address(server)?;
    let stopped = runtime.block_on(stopping)?;
    let is_in_order = say_end(&stopped.map(|_| signals.wait()))?;
    // Its connections end with it.
    drop(runtime);
    let view = client.join().map_err(|_| "the client panicked")?;
    say(&format!("the client has {view}"))?;
    Ok(is_in_order)
}

/// A client that sends a request with these header lines, and returns what it has when its connection ends.
pub(crate) fn start_client(
    service: SocketAddr,
    path: &'static str,
    headers: &'static str,
) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        if let Ok(mut stream) = clients::begin(service, path, headers, "") {
            // An error is an end too.
            let _ = stream.set_read_timeout(None);
            let _ = stream.read_to_end(&mut answer);
        }
        view(&answer).to_owned()
    })
}

/// The answer to a request, up to the end of its connection, as a client sees it.
fn view(answer: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(answer);
    if text.starts_with("HTTP/1.1 101") {
        return match answer {
            // Of a WebSocket: the frame that closes it, without a text.
            [.., 0x88, 0] => "a socket that was closed",
            _ => "a socket that broke",
        };
    }
    match &*text {
        "" => "no answer",
        _ if text.ends_with("the report") || text.ends_with("\r\n0\r\n\r\n") => "the answer",
        _ => "a part of the answer",
    }
}

/// Prints how the service ended; true if in order.
fn say_end(ended: &Result<Signal, DrainError>) -> io::Result<bool> {
    match ended {
        Ok(signal) => say(&format!("drained after {signal}"))?,
        Err(error) => say(&error.to_string())?,
    }
    Ok(ended.is_ok())
}
