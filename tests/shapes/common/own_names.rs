//! Names an expansion might use.
//@ shape: arguments named result, caller, guard, start
//@ records: sum = ok 1
//@ records: sum_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn sum(result: u8, caller: u8, guard: u8, start: u8, value: u8, call: u8, site: u8) -> u8 {
    result + caller + guard + start + value + call + site
}

#[monitored]
async fn sum_later(result: u8, caller: u8, guard: u8, start: u8, value: u8) -> u8 {
    yield_now().await;
    let future = result + caller + guard;
    future + start + value
}

/// Runs it.
pub fn run() -> String {
    format!("{} {}", sum(1, 2, 3, 4, 5, 6, 7), block_on(sum_later(1, 2, 3, 4, 5)))
}
