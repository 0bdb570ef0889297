//! A program that ends on a signal, for the tests of signals.
//!
//! `drains MODE PAUSE LIMIT`, the last two in milliseconds: the drain's pause and limit. Its one task ends when its input does. The modes:
//! `threads` has no runtime; `async` drains within tokio, after its own listener would have stopped; `lingers` does not end
//! after its drain; `worker` has a thread whose task ends when the drain begins; `serves` answers HTTP with requests that
//! never end, and has one limit for them and the tasks.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use monitor_core::Outcome;
use monitor_server::{MonitorConfig, MonitorServer, ShutdownSignals, Signal};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use warp::Filter;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mode = args.next().ok_or("a mode")?;
    let mut milliseconds = || -> Result<Duration, Box<dyn Error>> {
        let number = args.next().ok_or("a number")?.parse()?;
        Ok(Duration::from_millis(number))
    };
    let (pause, limit) = (milliseconds()?, milliseconds()?);
    let config = MonitorConfig::default().listen([127, 0, 0, 1]).port(0);
    let monitor = monitor_server::run(config.drain_pause(pause))?;
    let running = monitor.method("Task")?.start();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        running.finish(Outcome::Success);
    });
    say(&format!("listens on {}", monitor.local_addr()));
    let drained = match &*mode {
        "async" => runtime()?.block_on(stop_in_order(&monitor, limit)),
        "serves" => runtime()?.block_on(serve(&monitor, limit)),
        "worker" => work(&monitor, limit),
        _ => monitor.drain_on_signal_blocking(limit).map_err(Into::into),
    };
    match drained {
        Ok(signal) => say(&format!("drained after {signal}")),
        Err(error) => say(&error.to_string()),
    }
    if mode == "lingers" {
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

type Drained = Result<Signal, Box<dyn Error>>;

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The steps: signal received, not ready, own listener stopped, tasks ended, monitoring stopped.
async fn stop_in_order(monitor: &MonitorServer, limit: Duration) -> Drained {
    let signal = monitor.shutdown_signal().await?;
    say(&format!("told {signal}, readiness off"));
    monitor.drain(limit).await?;
    Ok(signal)
}

/// A worker without a runtime: its call lasts until the drain begins.
fn work(monitor: &MonitorServer, limit: Duration) -> Drained {
    let (server, method) = (monitor.clone(), monitor.method("Work")?);
    let worker = std::thread::spawn(move || {
        let call = method.start();
        while !server.wait_for_drain_blocking(Duration::from_mins(10)) {}
        call.finish(Outcome::Success);
        say("the worker ends");
    });
    let signal = monitor.drain_on_signal_blocking(limit)?;
    worker.join().map_err(|_| "the worker panicked")?;
    Ok(signal)
}

/// Serves requests that never end, until a signal and for a limit after that.
async fn serve(monitor: &MonitorServer, limit: Duration) -> Drained {
    let mut signals = ShutdownSignals::listen()?;
    let method = monitor.method("Serve")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&format!("serves at {}", listener.local_addr()?));
    let route = warp::any().then(move || async move {
        let _call = method.start();
        say("asked");
        std::future::pending::<String>().await
    });
    let serving = warp::serve(route).incoming(listener);
    let serving = serving.graceful(monitor.stopping()).run();
    monitor.serve_until_stopped(limit, serving).await?;
    Ok(signals.recv().await)
}

/// If the reader has closed the pipe, the program still ends as usual.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
