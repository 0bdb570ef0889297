//! Functions that are always inlined.
//@ shape: `#[inline(always)]`
//@ records: always = ok 1
//@ records: always_later = ok 1
//@ fires: clippy::inline_always

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

/// Short.
#[inline(always)]
#[monitored]
pub fn always(x: u8) -> u32 {
    x.count_ones()
}

#[monitored]
#[inline(always)]
async fn always_later(x: u8) -> u32 {
    yield_now().await;
    x.count_ones()
}

/// Runs it.
pub fn run() -> String {
    format!("{} {}", always(3), block_on(always_later(1)))
}
