//! Streams made from a block that yields.
//@ shape: generator-like `async_stream!` bodies
//@ not: hostile
//@ records: lines = ok 1, cancelled 1, in flight 1, items 5
//@ records: checked = ok 1, other 1, items 5, failed items 1
//@ records: boxed = ok 1, items 2
//@ records: later = ok 1, items 1

use std::pin::Pin;

use async_stream::{stream, try_stream};
use futures_core::Stream;
use monitor_core::monitored;
use shapes_driver::{all, block_on, first, next, send, yield_now};

#[monitored]
fn lines<'a>(text: &'a str) -> impl Stream<Item = &'a str> + Send + 'a {
    stream! {
        for line in text.lines() {
            yield_now().await;
            yield line;
        }
    }
}

#[monitored]
fn checked(texts: Vec<String>) -> impl Stream<Item = Result<u8, std::num::ParseIntError>> {
    try_stream! {
        for text in texts {
            let number = text.parse::<u8>()?;
            yield number;
        }
    }
}

#[monitored]
fn boxed(count: u32) -> Pin<Box<dyn Stream<Item = u32> + Send>> {
    let last = count.count_ones();
    Box::pin(stream! {
        for number in 0..last {
            yield number;
        }
    })
}

#[monitored]
async fn later(text: String) -> impl Stream<Item = usize> + Send {
    yield_now().await;
    stream! {
        yield text.len();
    }
}

/// Runs it.
pub fn run() -> String {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<String>>();
    let mut leaked = Box::pin(lines("a\nb"));
    let head = block_on(next(&mut leaked));
    std::mem::forget(leaked);
    let both = (all(send(lines("a\nb"))), first(2, lines("a\nb\nc")));
    let numbers = (all(checked(texts(&["1", "2", "x", "3"]))), all(checked(texts(&["1", "2", "3"]))));
    let last = all(block_on(send(later("ab".to_owned()))));
    format!("{:?} {:?} {:?} {} {}", head, both, numbers, all(send(boxed(3))), last)
}
