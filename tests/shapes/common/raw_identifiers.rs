//! Raw identifiers.
//@ shape: raw identifiers for fn and argument
//@ records: match = ok 1
//@ records: loop = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn r#match(r#type: u8) -> u8 {
    r#type.count_ones() as u8
}

#[monitored]
async fn r#loop(r#in: &str) -> usize {
    yield_now().await;
    r#in.len()
}

/// Runs it.
pub fn run() -> String {
    format!("{} {}", r#match(3), block_on(r#loop("a")))
}
