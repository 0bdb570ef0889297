//! A name for the running call in the body.
//@ shape: `call = name`, used in the body
//@ records: plain = ok 1
//@ records: unit = ok 1
//@ records: early = ok 1, other 1
//@ records: at_once = other 1
//@ records: later = ok 1, other 1
//@ records: boxed = ok 1
//@ records: method{zero=true} = ok 1
//@ fires: unused_variables clippy::needless_return clippy::let_and_return

use std::future::Future;
use std::pin::Pin;

use monitor_core::monitored;
use shapes_driver::{block_on, observe, send, size, yield_now};

#[monitored(call = call)]
fn plain(x: u8) -> u32 {
    observe!(call, f64::from(x));
    let unused = x;
    x.count_ones()
}

#[monitored(call = running)]
fn unit(x: u8) {
    observe!(running, f64::from(x));
}

#[monitored(call = call)]
fn early(text: &str) -> Result<u8, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    let number = text.parse()?;
    observe!(call, f64::from(number));
    return Ok(number);
}

#[monitored(call = call)]
async fn at_once(x: u8) -> Result<u8, u8> {
    observe!(call, f64::from(x));
    Err(x)
}

#[monitored(call = call)]
async fn later(x: u8) -> Result<u8, u8> {
    yield_now().await;
    observe!(call, f64::from(x));
    if x == 0 {
        return Err(x);
    }
    let same = Ok(x);
    same
}

#[monitored(call = call)]
fn boxed(x: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    let half = x.rotate_right(1);
    Box::pin(async move {
        yield_now().await;
        observe!(call, f64::from(half));
        half
    })
}

/// Counts.
#[derive(Debug)]
pub struct Meter(u8);

impl Meter {
    #[monitored(call = call, labels(zero = self.0 == 0), buckets = "size")]
    fn method(&mut self) -> u8 {
        self.0 += 1;
        observe!(call, f64::from(self.0));
        self.0
    }
}

/// Runs it.
pub fn run() -> String {
    unit(1);
    let first = (plain(3), early(""), early("x").is_err(), Meter(0).method());
    let later = block_on(async {
        let at_once = size("at_once", send(at_once(1))).await;
        let ended = (size("later", send(later(1))).await, later(0).await);
        (at_once, ended, send(boxed(2)).await)
    });
    format!("{:?} {:?}", first, later)
}
