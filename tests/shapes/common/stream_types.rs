//! Each type by which a stream is recognised, and one that hides it.
//@ shape: streams of every type
//@ records: opaque = ok 1, items 2
//@ records: borrowing = ok 1, items 2
//@ records: pinned = ok 1, items 2
//@ records: unpin = ok 1, items 2
//@ records: by_name = ok 1, items 2
//@ records: local = ok 1, items 2
//@ records: hidden = ok 1, items 2
//@ records: later_pinned = ok 1, items 2
//@ records: later_unpin = ok 1, items 2
//@ records: later_by_name = ok 1, items 2
//@ records: later_local = ok 1, items 2
//@ records: later_hidden = ok 1, items 2
//@ records: plain_items = ok 1, items 2
//@ fires: clippy::unused_async

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::Stream;
use monitor_core::monitored;
use shapes_driver::{all, block_on, numbers, send, yield_now};

type Item = Result<u8, String>;
type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;
type LocalBoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + 'a>>;
type Rows = BoxStream<'static, Item>;

#[monitored]
fn opaque(last: u8) -> impl Stream<Item = Item> + Send {
    numbers(last)
}

#[monitored]
fn borrowing<'a>(last: &'a u8) -> impl Stream<Item = Item> + Send + 'a {
    let last = *last;
    numbers(last)
}

#[monitored]
fn pinned(last: u8) -> Pin<Box<dyn Stream<Item = Item> + Send + 'static>> {
    Box::pin(numbers(last))
}

#[monitored]
fn unpin(last: u8) -> Box<dyn Stream<Item = Item> + Unpin> {
    Box::new(numbers(last))
}

#[monitored]
fn by_name(last: u8) -> BoxStream<'static, Item> {
    Box::pin(numbers(last))
}

#[monitored]
fn local(last: Rc<u8>) -> LocalBoxStream<'static, Item> {
    let last = *last;
    Box::pin(numbers(last))
}

#[monitored(stream)]
fn hidden(last: u8) -> Rows {
    Box::pin(numbers(last))
}

#[monitored]
async fn later_pinned(last: u8) -> Pin<Box<dyn Stream<Item = Item> + Send>> {
    yield_now().await;
    Box::pin(numbers(last))
}

#[monitored]
async fn later_unpin(last: u8) -> Box<dyn Stream<Item = Item> + Unpin> {
    Box::new(numbers(last))
}

#[monitored]
async fn later_by_name<'a>(last: &'a u8) -> BoxStream<'a, Item> {
    yield_now().await;
    Box::pin(numbers(*last))
}

#[monitored]
async fn later_local(last: Rc<u8>) -> LocalBoxStream<'static, Item> {
    yield_now().await;
    let last = *last;
    Box::pin(numbers(last))
}

#[monitored(stream)]
async fn later_hidden(last: u8) -> Rows {
    yield_now().await;
    Box::pin(numbers(last))
}

/// Counts down.
#[derive(Debug)]
pub struct Countdown(u8);

impl Stream for Countdown {
    type Item = u8;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
        self.0 = self.0.saturating_sub(1);
        Poll::Ready(Some(self.0).filter(|&left| left > 0))
    }
}

#[monitored]
fn plain_items(from: u8) -> impl Stream<Item = u8> {
    Countdown(from)
}

/// Runs it.
pub fn run() -> String {
    let first = [all(send(opaque(2))), all(borrowing(&2)), all(send(pinned(2))), all(unpin(2)), all(send(by_name(2)))];
    let second = [all(local(Rc::new(2))), all(send(hidden(2))), all(plain_items(3))];
    let later = block_on(async {
        let pinned = send(later_pinned(2)).await;
        let unpin = later_unpin(2).await;
        let by_name = send(later_by_name(&2)).await;
        let local = later_local(Rc::new(2)).await;
        (all(pinned), all(unpin), all(by_name), all(local), all(send(later_hidden(2)).await))
    });
    format!("{:?} {:?} {:?}", first, second, later)
}
