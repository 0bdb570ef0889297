//! A body that ends in a boxed future.
//@ shape: statements, then `Box::pin(async move {..})`
//@ records: boxed = ok 1, other 1
//@ records: branches = ok 1, other 1
//@ records: helped = other 1
//@ records: unpin = other 1
//@ records: on_one_line = ok 1

use std::future::{Future, ready};
use std::pin::Pin;

use monitor_core::monitored;
use shapes_driver::{block_on, poll_once, send, yield_now};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[monitored]
fn boxed(fail: bool) -> Pin<Box<dyn Future<Output = Result<u8, String>> + Send>> {
    let text = format!("fail: {}", fail);
    let answer = if fail { Err(text) } else { Ok(1) };
    Box::pin(async move {
        yield_now().await;
        answer
    })
}

#[monitored]
fn branches(now: bool) -> Pin<Box<dyn Future<Output = Result<u8, String>> + Send>> {
    if now {
        return Box::pin(ready(Err("now".to_owned())));
    }
    Box::pin(async { Ok(1) })
}

fn helper(text: &str) -> Boxed<'_, Result<usize, String>> {
    Box::pin(async move { if text.is_empty() { Err("empty".to_owned()) } else { Ok(text.len()) } })
}

#[monitored]
fn helped(text: &str) -> Pin<Box<dyn Future<Output = Result<usize, String>> + Send + '_>> {
    helper(text)
}

#[monitored]
fn unpin() -> Box<dyn Future<Output = Result<u8, String>> + Unpin> {
    Box::new(ready(Err("unpin".to_owned())))
}

#[monitored] fn on_one_line(x: u8) -> Pin<Box<dyn Future<Output = u8>>> { Box::pin(async move { x }) }

/// Runs it.
pub fn run() -> String {
    drop(send(boxed(true)));
    let given = block_on(async {
        let first = format!("{:?} {:?}", boxed(true).await, send(boxed(false)).await);
        let second = format!("{:?} {:?}", branches(true).await, branches(false).await);
        format!("{} {} {:?} {:?}", first, second, helped("").await, unpin().await)
    });
    format!("{} {:?}", given, poll_once(on_one_line(4)))
}
