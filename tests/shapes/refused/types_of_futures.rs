//! The body of a future has another type: the error is at the value, the compiler's own is at the whole future.
//@ shape: errors of the body, the same at the same place
//@ refused: 15:27 mismatched types
//@ refused: 21:18 mismatched types
//@ instead of: 15:5 19:21

use std::future::Future;
use std::pin::Pin;

use monitor_core::monitored;

#[monitored]
fn boxed(x: u8) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    let x = x;
    Box::pin(async move { x })
}

#[monitored]
fn opaque(x: u8) -> impl Future<Output = u32> {
    let y = x;
    async move { y }
}

fn main() {}
