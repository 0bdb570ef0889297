//! A program that ends on a signal, for the tests of signals.
//!
//! `drains MODE PAUSE LIMIT`, the last two in milliseconds: the drain's pause and limit. Its one task ends when its input does. The modes:
//! `threads` has no runtime; `async` drains within tokio, after its own listener would have stopped; `lingers` does not end
//! after its drain.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use monitor_core::Outcome;
use monitor_server::{DrainError, MonitorConfig, MonitorServer, Signal};

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
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        running.finish(Outcome::Success);
    });
    say(&format!("listens on {}", monitor.local_addr()));
    let drained = if mode == "async" {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(stop_in_order(&monitor, limit))
    } else {
        monitor.drain_on_signal_blocking(limit)
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

/// The steps: signal received, not ready, own listener stopped, tasks ended, monitoring stopped.
async fn stop_in_order(monitor: &MonitorServer, limit: Duration) -> Result<Signal, DrainError> {
    let told = monitor.shutdown_signal().await;
    let signal = told.map_err(|source| DrainError::Signals { source })?;
    say(&format!("told {signal}, readiness off"));
    monitor.drain(limit).await?;
    Ok(signal)
}

/// If the reader has closed the pipe, the program still ends as usual.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
