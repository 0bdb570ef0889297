//! `use<..>` lists the captures of an opaque type.
//@ shape: edition 2024, `use<'a>` capture
//@ records: borrowing = ok 1
//@ records: iterates = ok 1
//@ records: captures_nothing = ok 1

use std::future::Future;

use monitor_core::monitored;
use shapes_driver::{block_on, send, size};

#[monitored]
fn borrowing<'a>(text: &'a str, _other: &str) -> impl Future<Output = &'a str> + Send + use<'a> {
    async move { text }
}

#[monitored]
fn iterates<'a>(values: &'a [u8], _other: &str) -> impl Iterator<Item = u8> + use<'a> {
    values.iter().map(|value| value + 1)
}

#[monitored]
fn captures_nothing(text: &str) -> impl Fn() -> usize + use<> {
    let length = text.len();
    move || length
}

/// Runs it.
pub fn run() -> String {
    let text = "a".to_owned();
    let future = size("borrowing", send(borrowing(&text, &String::new())));
    let iterator = iterates(text.as_bytes(), &String::new());
    let function = captures_nothing(&String::new());
    format!("{} {:?} {}", block_on(future), iterator.collect::<Vec<_>>(), function())
}
