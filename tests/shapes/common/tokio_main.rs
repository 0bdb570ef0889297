//! A function that starts its own runtime.
//@ shape: `#[tokio::main]` returning Result
//@ not: hostile
//@ records: start = ok 1, other 1
//@ records: start_inside = ok 1, other 1

use monitor_core::monitored;
use std::io;

#[monitored]
#[tokio::main(flavor = "current_thread")]
async fn start(text: &str) -> Result<u8, io::Error> {
    tokio::task::yield_now().await;
    let number = text.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(number)
}

#[tokio::main(flavor = "current_thread")]
#[monitored]
async fn start_inside(text: &str) -> Result<u8, io::Error> {
    tokio::task::yield_now().await;
    let number = text.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(number)
}

/// Runs it.
pub fn run() -> String {
    let kind = |result: Result<u8, io::Error>| result.map_err(|error| error.kind());
    let first = (kind(start("1")), kind(start("x")));
    format!("{:?} {:?} {:?}", first, kind(start_inside("1")), kind(start_inside("x")))
}
