//! A service in one of the situations of `docs/truth.md`, for the test that asserts that page: `scenarios NAME`.
//!
//! Prints its address once it is in that situation, and ends when its input does. One that stops waits for a signal
//! first, and then prints each step; its exit status is 1 if it did not stop in order.

use std::error::Error;
use std::future::pending;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;

use monitor_core::health::SLOT;
use monitor_core::{TimeoutError, monitored, timeout};
use monitor_server::{DrainError, MonitorConfig, MonitorServer, ShutdownSignals, Signal};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use warp::Filter;

const CALLS: u32 = 20;

/// Short, as the calls that have it wait for ever.
const LIMIT: Duration = Duration::from_millis(5);

/// The time that a stopping service gives its requests: long enough to ask for all its pages meanwhile.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The time that a worker has for its job: as long as a test may take.
const JOB_LIMIT: Duration = Duration::from_mins(10);

const BASE: &str = "listen: 127.0.0.1\nport: 0\n";

/// Five failures in a row are unhealthy.
const RULES: &str = "errors: { CONNECTION_ERROR: { service_errors: [refused, declined, timeout], unhealthy: 5 } }\n";

/// The method and all requests together count for readiness.
const MARKED: &str = "health: { readiness: [Pay, default] }\n";

/// A status is forgotten after a second without calls, a share of failures after two.
const BRIEF: &str = "health: { status_ttl: 1 }\nunhealthy: { window: 2 }\n";

/// After the calls: the server counts them for the shares of failures each two seconds, and looks each second.
const COUNTED: Duration = SLOT.saturating_add(Duration::from_millis(1500));

#[monitored(method = "Pay")]
fn pay(answer: Result<(), &'static str>) -> Result<(), &'static str> {
    answer
}

#[monitored(method = "Pay", expected("declined"))]
fn pay_or_decline(answer: Result<(), &'static str>) -> Result<(), &'static str> {
    answer
}

#[monitored(method = "Pay")]
async fn pay_too_late() {
    pending::<()>().await;
}

/// Its own limit, whose error it returns.
#[monitored(method = "Pay")]
async fn pay_in_time() -> Result<(), TimeoutError> {
    timeout(LIMIT, pending::<()>()).await
}

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

/// One call of the scenario, the first with the number 0.
async fn call(name: &str, number: u32) -> Result<(), Box<dyn Error>> {
    let unless = |is_ok: bool| pay(if is_ok { Ok(()) } else { Err("refused") });
    match name {
        "all well"
        | "worker dies"
        | "runtime blocked"
        | "blocking worker, SIGTERM"
        | "60 s request, SIGTERM" => pay(Ok(()))?,
        "half failing" => {
            let _ = unless(number.is_multiple_of(2));
        }
        "80 % failing, never five in a row" => {
            let _ = unless(number.is_multiple_of(5));
        }
        "all failing"
        | "all failing, marked for readiness"
        | "dependency comes back without traffic" => {
            let _ = pay(Err("refused"));
        }
        "all failing as expected" => {
            let _ = pay_or_decline(Err("declined"));
        }
        "time limit 100 %, `timeout` within" => {
            let _ = pay_in_time().await;
        }
        "time limit 100 %, `timeout` outside" => {
            let _ = timeout(LIMIT, pay_too_late()).await;
        }
        "time limit 100 %, another one outside" => {
            let _ = tokio::time::timeout(LIMIT, pay_too_late()).await;
        }
        _ => return Err(format!("no scenario `{name}`").into()),
    }
    Ok(())
}

/// Runs the service until it ends.
fn main() -> Result<ExitCode, Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("a scenario")?;
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build()?;
    let server = monitor_server::run(config(&name, &runtime)?)?;
    for number in 0..CALLS {
        runtime.block_on(call(&name, number))?;
    }
    std::thread::sleep(COUNTED);
    let is_in_order = match &*name {
        "blocking worker, SIGTERM" => work(&server, &runtime)?,
        "60 s request, SIGTERM" => serve(&server, runtime)?,
        _ => {
            enter(&name, &server, &runtime)?;
            say_address(&server)?;
            wait_for_input()?;
            // It may be blocked.
            runtime.shutdown_background();
            true
        }
    };
    Ok(ExitCode::from(u8::from(!is_in_order)))
}

fn config(name: &str, runtime: &Runtime) -> Result<MonitorConfig, Box<dyn Error>> {
    let marks = match name {
        "all failing, marked for readiness" => MARKED,
        "dependency comes back without traffic" => BRIEF,
        _ => "",
    };
    let config = MonitorConfig::from_yaml(&format!("{BASE}{RULES}{marks}"))?;
    Ok(match name {
        "runtime blocked" => config
            .runtime("main", runtime.handle())
            .runtime_timeout(Duration::from_secs(1)),
        _ => config,
    })
}

/// The situations that calls alone do not make.
fn enter(name: &str, server: &MonitorServer, runtime: &Runtime) -> Result<(), Box<dyn Error>> {
    match name {
        "worker dies" => {
            let _context = runtime.enter();
            server.spawn("mailer", async { panic!("the queue is gone") })?;
        }
        "runtime blocked" => {
            runtime.spawn(async {
                loop {
                    std::thread::park();
                }
            });
        }
        _ => {}
    }
    Ok(())
}

/// A thread that works until the drain begins, in a service that drains on a signal.
fn work(server: &MonitorServer, runtime: &Runtime) -> Result<bool, Box<dyn Error>> {
    let told = server.clone();
    let worker = std::thread::spawn(move || -> io::Result<()> {
        while !told.is_draining() {
            run_job()?;
        }
        Ok(())
    });
    wait_for_call(server);
    let draining = server.drain_on_signal(JOB_LIMIT);
    say_address(server)?;
    let is_in_order = say_end(&runtime.block_on(draining))?;
    worker.join().map_err(|_| "the worker panicked")??;
    Ok(is_in_order)
}

/// An HTTP service with a client that waits for its answer.
fn serve(server: &MonitorServer, runtime: Runtime) -> Result<bool, Box<dyn Error>> {
    let mut signals = ShutdownSignals::listen()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let client = start_client(listener.local_addr()?);
    let serving = warp::serve(warp::any().then(report)).incoming(listener);
    let serving = serving.graceful(server.stopping()).run();
    let stopping = runtime.spawn(server.serve_until_stopped(STOP_LIMIT, serving));
    wait_for_call(server);
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

fn wait_for_call(server: &MonitorServer) {
    while server.monitor().in_flight() == 0 {
        std::thread::sleep(LIMIT);
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

fn say_address(server: &MonitorServer) -> io::Result<()> {
    say(&format!("listens on {}", server.local_addr()))
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

fn wait_for_input() -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}
