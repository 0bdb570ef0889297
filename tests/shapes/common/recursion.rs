//! Functions that call themselves.
//@ shape: recursion without boxing (sync)
//@ records: depth = ok 10
//@ records: depth_later = ok 4

use monitor_core::monitored;
use shapes_driver::{block_on, send, yield_now};

#[monitored]
fn depth(n: u32) -> u32 {
    if n == 0 { 0 } else { 1 + depth(n - 1) }
}

#[monitored]
async fn depth_later(n: u32) -> u32 {
    yield_now().await;
    if n == 0 { 0 } else { 1 + Box::pin(depth_later(n - 1)).await }
}

/// Runs it.
pub fn run() -> String {
    format!("{} {}", depth(9), block_on(send(depth_later(3))))
}
