//! `?` in a function and in an asynchronous one.
//@ shape: Result with `?`
//@ records: parse = ok 1, other 1
//@ records: parse_later = ok 1, other 1

use monitor_core::monitored;
use shapes_driver::{block_on, send, size, yield_now};
use std::num::ParseIntError;

#[monitored]
fn parse(text: &str) -> Result<i32, ParseIntError> {
    let number: i32 = text.parse()?;
    Ok(number + 1)
}

#[monitored]
async fn parse_later(text: &str) -> Result<i32, ParseIntError> {
    yield_now().await;
    let number: i32 = text.parse()?;
    Ok(number + 1)
}

/// Runs it.
pub fn run() -> String {
    let first = format!("{:?} {:?}", parse("1"), parse("x"));
    block_on(async {
        let good = size("parse_later", send(parse_later("1"))).await;
        format!("{} {:?} {:?}", first, good, parse_later("x").await)
    })
}
