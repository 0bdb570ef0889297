//! A result that must be used still must be used.
//@ shape: `#[must_use]` future lint still firing
//@ records: value = ok 1
//@ fires: unused_must_use clippy::let_underscore_future

use std::future::Future;
use std::pin::Pin;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
async fn value(x: u8) -> u8 {
    yield_now().await;
    x
}

#[monitored]
fn opaque(x: u8) -> impl Future<Output = u8> {
    async move { x }
}

#[monitored]
fn boxed(x: u8) -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(async move { x })
}

#[monitored]
fn fallible(x: u8) -> Result<u8, String> {
    x.checked_add(1).ok_or_else(String::new)
}

#[monitored]
async fn fallible_later(x: u8) -> Result<u8, String> {
    yield_now().await;
    x.checked_add(1).ok_or_else(String::new)
}

#[must_use = "why ask"]
#[monitored]
fn marked(x: u8) -> u32 {
    x.count_ones()
}

#[monitored]
#[must_use = "why ask"]
async fn marked_later(x: u8) -> u32 {
    yield_now().await;
    x.count_ones()
}

fn closure() -> impl Fn() {
    fallible as fn(u8) -> Result<u8, String>;
    || ()
}

async fn ignores() {
    value(1);
    opaque(1);
    boxed(1);
    fallible(1);
    fallible_later(1);
    fallible_later(1).await;
    marked(1);
    marked_later(1);
    marked_later(1).await;
    let _ = value(1);
    let _ = opaque(1);
    closure();
}

/// Runs it.
pub fn run() -> String {
    drop(ignores());
    block_on(value(1)).to_string()
}
