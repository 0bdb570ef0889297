//! Labels, and ways out of loops.
//@ shape: labelled loops, break with value, return from the inner loop
//@ records: search = ok 2
//@ records: search_later = ok 2

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn search(limit: u32) -> u32 {
    let found = 'outer: loop {
        for x in 0.. {
            if x == 7 {
                break 'outer x;
            }
            if x > limit {
                return 100;
            }
        }
    };
    found + 1
}

#[monitored]
async fn search_later(limit: u32) -> u32 {
    let found = 'outer: loop {
        for x in 0.. {
            yield_now().await;
            if x == 7 {
                break 'outer x;
            }
            if x > limit {
                return 100;
            }
        }
    };
    found + 1
}

/// Runs it.
pub fn run() -> String {
    format!("{} {} {} {}", search(9), search(2), block_on(search_later(9)), block_on(search_later(2)))
}
