//! The attribute under a condition.
//@ shape: `#[cfg_attr(..., monitored)]`
//@ records: on = ok 1
//@ records: Named.On = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[cfg_attr(not(windows), monitored)]
fn on(x: u8) -> u32 {
    x.count_ones()
}

#[cfg_attr(not(windows), monitored(method = "Named.On"))]
#[inline]
async fn on_later(x: u8) -> u8 {
    yield_now().await;
    x
}

#[cfg_attr(windows, monitored)]
fn off(x: u8) -> u32 {
    x.count_ones()
}

/// Runs it.
pub fn run() -> String {
    format!("{} {} {}", on(1), block_on(on_later(2)), off(3))
}
