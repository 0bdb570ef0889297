//! Arguments of the attribute for the name, the task type and the limit of a site.
//@ shape: `method`, `task`, `health`, `buckets`, `max_concurrency`
//@ records: Named = ok 1
//@ records: Literal = ok 1
//@ records: listed = ok 1
//@ records: constant = ok 1
//@ records: two_at_once = ok 1
//@ records: some_at_once = ok 1, other 1
//@ records: workers_at_once = ok 1
//@ records: boxed_at_once = ok 1
//@ records: aliased = ok 1
//@ fires: unused_variables clippy::unused_async clippy::needless_return

use std::future::{Future, ready};
use std::pin::Pin;

use monitor_core::monitored;
use shapes_driver::{block_on, send, yield_now};

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, u8>> + Send>>;

/// A name.
pub const NAME: &str = "Named";

/// Bounds.
pub const BOUNDS: &[f64] = &[0.5, 1.0];

/// The name of this one is a constant.
#[monitored(method = NAME, task = "jobs", buckets = "time")]
pub fn named(x: u8) -> u32 {
    let unused = x;
    return x.count_ones();
}

#[monitored(method = "Literal", health = false, buckets = "size",)]
fn literal(x: u8) -> u32 {
    x.count_ones()
}

#[monitored(buckets = [0, 0.5, 1, 1e3])]
async fn listed(x: u8) -> u8 {
    yield_now().await;
    x
}

#[monitored(buckets = BOUNDS)]
fn constant(x: u8) -> u32 {
    x.count_ones()
}

#[monitored(max_concurrency = 2)]
async fn two_at_once(x: u8) -> u8 {
    x
}

#[monitored(max_concurrency = limit)]
async fn some_at_once(limit: usize, x: u8) -> Result<usize, u8> {
    yield_now().await;
    if x > 0 {
        return Err(x);
    }
    Ok(limit)
}

#[monitored(max_concurrency = workers)]
fn workers_at_once(x: u8) -> impl Future<Output = u8> + Send {
    async move {
        yield_now().await;
        x
    }
}

#[monitored(max_concurrency = 3)]
fn boxed_at_once(x: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    if x == 0 {
        return Box::pin(ready(1));
    }
    Box::pin(async move { x })
}

#[monitored(future)]
fn aliased(x: u8) -> Answer<u8> {
    Box::pin(ready(Ok(x)))
}

/// Runs it.
pub fn run() -> String {
    let first = (named(3), literal(3), constant(3));
    let later = block_on(async {
        let limited = (send(two_at_once(1)).await, send(some_at_once(2, 0)).await, some_at_once(2, 1).await);
        let given = (send(workers_at_once(1)).await, send(boxed_at_once(0)).await, send(aliased(1)).await);
        (send(listed(1)).await, limited, given)
    });
    format!("{:?} {:?}", first, later)
}
