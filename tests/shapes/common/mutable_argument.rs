//! `mut` arguments.
//@ shape: `mut` argument, sync and async
//@ records: add = ok 1
//@ records: add_later = ok 1
//@ records: not_changed = ok 1
//@ fires: unused_mut

use monitor_core::monitored;
use shapes_driver::{block_on, size, yield_now};

#[monitored]
fn add(mut count: u32, list: &mut Vec<u32>) -> &mut Vec<u32> {
    count += 1;
    list.push(count);
    list
}

#[monitored]
async fn add_later(mut count: u32, list: &mut Vec<u32>) -> &mut Vec<u32> {
    count += 1;
    yield_now().await;
    list.push(count);
    list
}

#[monitored]
fn not_changed(mut text: String) -> String {
    text.to_uppercase()
}

/// Runs it.
pub fn run() -> String {
    let mut list = vec![];
    add(1, &mut list).push(7);
    block_on(size("add_later", add_later(2, &mut list))).push(8);
    format!("{:?} {}", list, not_changed("a".to_owned()))
}
