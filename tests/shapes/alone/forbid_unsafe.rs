//! A crate that forbids unsafe code.
//@ shape: `#![forbid(unsafe_code)]`
//@ records: now = ok 1
//@ records: later = ok 1, other 1
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, unused_qualifications, clippy::nursery, clippy::pedantic)]

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn now(x: u8) -> u32 {
    u8::count_ones(x).max(4)
}

#[monitored]
async fn later(x: u8) -> Result<u8, String> {
    yield_now().await;
    let x = x.checked_add(1).ok_or_else(|| "too much".to_owned())?;
    Ok(x)
}

fn run() -> String {
    let now = now(1);
    format!("{now} {:?} {:?}", block_on(later(1)), block_on(later(255)))
}

fn main() {
    shapes_driver::main(&[("forbid_unsafe", run)]);
}
