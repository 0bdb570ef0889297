//! An asynchronous closure as an argument.
//@ shape: AsyncFn argument (2024)
//@ editions: 2021 2024
//@ records: twice = ok 1
//@ records: until_ok = ok 1, other 1

use monitor_core::monitored;
use shapes_driver::{block_on, size, yield_now};

#[monitored]
async fn twice(step: impl AsyncFn(u8) -> u8) -> u8 {
    let once = step(1).await;
    step(once).await
}

#[monitored]
async fn until_ok<F>(mut step: F) -> Result<u8, u8>
where
    F: AsyncFnMut(u8) -> Result<u8, u8>,
{
    step(1).await?;
    step(2).await
}

/// Runs it.
pub fn run() -> String {
    let mut seen = Vec::new();
    let step = async |x: u8| {
        yield_now().await;
        x + 1
    };
    let first = block_on(size("twice", twice(step)));
    let second = block_on(until_ok(async |x| {
        seen.push(x);
        Ok(x)
    }));
    let third = block_on(until_ok(async |x| Err(x)));
    format!("{} {:?} {:?} {:?}", first, second, third, seen)
}
