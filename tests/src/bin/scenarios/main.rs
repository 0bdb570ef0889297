//! A service in one of the situations of `docs/truth.md`, for the test that asserts that page: `scenarios KIND NAME`, where the
//! kind is that of the table.
//!
//! Prints what the clients of the service saw, if it has any, and its address once it is in that situation, and ends when its
//! input does. One that stops waits for a signal first, and then prints each step; its exit status is 1 if it did not stop in
//! order.

mod clients;
mod functions;
mod grpc;
mod grpc_clients;
mod http;
mod http_stops;
mod stops;

use std::error::Error;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use monitor_core::health::SLOT;
use monitor_server::MonitorServer;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Calls, or requests, of each scenario.
const CALLS: u32 = 20;

/// Short, as the calls that have it wait for ever.
const LIMIT: Duration = Duration::from_millis(5);

/// Long enough for all that comes.
const WAIT_LIMIT: Duration = Duration::from_secs(15);

/// The time of all clients of a service together.
const CLIENTS_LIMIT: Duration = Duration::from_secs(25);

const BASE: &str = "listen: 127.0.0.1\nport: 0\n";

/// After the calls: the server counts them for the shares of failures each two seconds, and looks each second.
const COUNTED: Duration = SLOT.saturating_add(Duration::from_millis(1500));

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Runs the service until it ends.
fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let (kind, name) = arguments.next().zip(arguments.next()).ok_or("KIND NAME")?;
    let is_in_order = match &*kind {
        "functions" => functions::run(&name).map(|()| true),
        "grpc" => grpc::run(&name).map(|()| true),
        "http" => http::run(&name).map(|()| true),
        "request stops" if name.starts_with("gRPC ") => grpc::run_until_stop(&name),
        "request stops" => http_stops::run(&name),
        "stops" => stops::run(&name),
        _ => Err(format!("no kind `{kind}`").into()),
    }?;
    Ok(ExitCode::from(u8::from(!is_in_order)))
}

/// The runtime of a service.
fn service_runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build()
}

/// Runs the clients of a service, on a runtime that goes on where that of the service does not, and prints what they saw.
/// The runtime is returned, as some of them may still wait.
fn run_clients(clients: impl Future<Output = Result<String>>) -> Result<Runtime> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let seen = runtime.block_on(async { timeout(CLIENTS_LIMIT, clients).await })??;
    say(&format!("the clients: {seen}"))?;
    Ok(runtime)
}

/// Waits until the server has counted the calls for the shares of failures.
fn wait_until_counted() {
    std::thread::sleep(COUNTED);
}

/// Waits until so many calls are in flight; not for ever, as a layer may lose them.
fn wait_for_calls(server: &MonitorServer, calls: u64) -> Result<()> {
    let begin = Instant::now();
    while server.monitor().in_flight() != calls {
        if WAIT_LIMIT < begin.elapsed() {
            return Err(format!("{} calls in flight", server.monitor().in_flight()).into());
        }
        std::thread::sleep(LIMIT);
    }
    Ok(())
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
