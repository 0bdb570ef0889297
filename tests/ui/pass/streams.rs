//! Functions that return streams.
#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(clippy::missing_const_for_fn, clippy::unused_async)]

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use monitor_core::monitored;
use tokio::task::yield_now;

struct Refused;

type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;
type Numbers = BoxStream<'static, Result<u8, Refused>>;

struct Count(u8);

impl Stream for Count {
    type Item = Result<u8, Refused>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0 -= 1;
        Poll::Ready(match self.0 {
            0 => None,
            1 => Some(Err(Refused)),
            left => Some(Ok(left)),
        })
    }
}

#[monitored]
fn opaque(from: u8) -> impl Stream<Item = Result<u8, Refused>> + Send {
    Count(from)
}

#[monitored]
fn pinned(from: u8) -> Pin<Box<dyn Stream<Item = Result<u8, Refused>> + Send>> {
    if from > 100 {
        return Box::pin(Count(100));
    }
    Box::pin(Count(from))
}

#[monitored]
fn boxed(from: u8) -> Box<dyn Stream<Item = Result<u8, Refused>> + Unpin> {
    Box::new(Count(from))
}

#[monitored(labels(big = from > 9), ok_if = Result::is_ok)]
fn alias(from: u8) -> BoxStream<'static, Result<u8, Refused>> {
    Box::pin(Count(from))
}

#[monitored(stream, response_size = |item| *item)]
fn hidden(from: u8) -> Numbers {
    Box::pin(Count(from))
}

#[monitored(labels(big = from > 9))]
async fn later(from: u8) -> impl Stream<Item = Result<u8, Refused>> + Send {
    yield_now().await;
    Count(from)
}

#[monitored(call = call)]
async fn later_pinned(from: u8) -> Pin<Box<dyn Stream<Item = Result<u8, Refused>> + Send>> {
    call.observe("tokens", 1.0);
    yield_now().await;
    if from > 100 {
        return Box::pin(Count(100));
    }
    Box::pin(Count(from))
}

#[monitored(stream)]
async fn later_hidden(from: u8) -> Numbers {
    Box::pin(Count(from))
}

#[monitored]
async fn later_boxed(from: u8) -> Box<dyn Stream<Item = Result<u8, Refused>> + Unpin> {
    yield_now().await;
    Box::new(Count(from))
}

async fn count(stream: impl Stream) -> usize {
    let mut stream = Box::pin(stream);
    let mut items = 0;
    while poll_fn(|cx| stream.as_mut().poll_next(cx)).await.is_some() {
        items += 1;
    }
    items
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(count(opaque(4)).await, 3);
    assert_eq!(count(pinned(4)).await, 3);
    assert_eq!(count(boxed(4)).await, 3);
    assert_eq!(count(alias(4)).await, 3);
    assert_eq!(count(hidden(4)).await, 3);
    assert_eq!(count(later(4).await).await, 3);
    assert_eq!(count(later_pinned(4).await).await, 3);
    assert_eq!(count(later_hidden(4).await).await, 3);
    assert_eq!(count(later_boxed(4).await).await, 3);
}
