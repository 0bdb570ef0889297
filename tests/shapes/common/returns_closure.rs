//! Functions that return functions.
//@ shape: returning FnMut
//@ records: counter = ok 1
//@ records: boxed_counter = ok 1
//@ records: counter_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn counter(from: u32) -> impl FnMut() -> u32 {
    let mut count = from;
    move || {
        count += 1;
        count
    }
}

#[monitored]
fn boxed_counter(from: u32) -> Box<dyn FnMut() -> u32> {
    let mut count = from;
    Box::new(move || {
        count += 1;
        count
    })
}

#[monitored]
async fn counter_later(from: u32) -> impl FnMut() -> u32 {
    yield_now().await;
    let mut count = from;
    move || {
        count += 1;
        count
    }
}

/// Runs it.
pub fn run() -> String {
    let (mut one, mut two, mut three) = (counter(1), boxed_counter(5), block_on(counter_later(8)));
    format!("{} {} {} {} {}", one(), one(), two(), two(), three())
}
