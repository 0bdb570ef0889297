//! Attributes inside of the body.
//@ shape: inner attribute at the top of the body
//@ records: quiet = ok 1
//@ records: quiet_later = ok 1
//@ records: expecting = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn quiet(x: u8) -> u8 {
    #![allow(unused_variables)]
    #![allow(clippy::needless_return)]
    let unused = 1;
    return x.count_ones() as u8;
}

#[monitored]
async fn quiet_later(x: u8) -> u8 {
    #![allow(unused_variables)]
    let unused = 1;
    yield_now().await;
    x
}

#[monitored]
fn expecting(x: u8) -> u32 {
    #![expect(unused_variables, reason = "an unfulfilled expectation would be a warning")]
    let unused = 1;
    x.count_ones()
}

/// Runs it.
pub fn run() -> String {
    format!("{} {} {}", quiet(3), block_on(quiet_later(2)), expecting(7))
}
