//! The smallest asynchronous functions.
//@ shape: plain async, one-expression body
//@ records: one = ok 1
//@ records: awaits = ok 1
//@ records: awaits_unit = ok 1
//@ records: waits = ok 1
//@ fires: clippy::unused_async

use monitor_core::monitored;
use shapes_driver::{block_on, same_size, size, yield_now};

#[monitored]
async fn one() -> u32 {
    1
}

#[monitored] async fn awaits() -> u8 { std::future::ready(1).await }

#[monitored] async fn awaits_unit() { std::future::ready(()).await }

#[monitored]
async fn waits(x: [u8; 64]) -> u8 {
    yield_now().await;
    x[0]
}

/// Runs it.
pub fn run() -> String {
    block_on(async {
        size("awaits_unit", awaits_unit()).await;
        let one = same_size("one", one()).await;
        let waits = size("waits", waits([3; 64])).await;
        format!("{} {} {}", one, size("awaits", awaits()).await, waits)
    })
}
