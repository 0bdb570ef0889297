//! Functions that return a stream, at once or later.
//@ shape: async returning `impl Stream`; fn returning a boxed stream
//@ records: later = ok 1, other 1, items 4, failed items 1
//@ records: refused = ok 1, cancelled 2, items 3, failed items 1
//@ records: boxed = ok 2, cancelled 1, in flight 1, items 7, failed items 1
//@ records: all = other 1, items 2, failed items 1
//@ fires: clippy::unused_async

use std::pin::Pin;

use futures_core::Stream;
use monitor_core::monitored;
use shapes_driver::{all, block_on, first, next, numbers, poll_once, send, yield_now};

#[monitored]
async fn later(last: u8) -> impl Stream<Item = Result<u8, String>> + Send {
    yield_now().await;
    numbers(last)
}

#[monitored]
async fn refused(last: u8) -> impl Stream<Item = Result<u8, String>> + Send + Unpin {
    numbers(last)
}

#[monitored]
fn boxed(last: u8) -> Pin<Box<dyn Stream<Item = Result<u8, String>> + Send>> {
    if last == 0 {
        return Box::pin(numbers(1));
    }
    let last = last.max(2);
    Box::pin(numbers(last))
}

/// Pages.
#[derive(Debug)]
pub struct Pages {
    last: u8,
}

impl Pages {
    #[monitored]
    fn all<'a>(&'a self, from: &'a str) -> Pin<Box<dyn Stream<Item = Result<u8, String>> + Send + 'a>> {
        let last = if from.is_empty() { self.last } else { 0 };
        Box::pin(numbers(last))
    }
}

/// Runs it.
pub fn run() -> String {
    let later = block_on(async { (send(later(3)).await, later(2).await) });
    let kept = (all(later.0), all(later.1));
    let both = block_on(async { (refused(4).await, refused(9).await) });
    let taken = (all(both.0), first(0, both.1), poll_once(refused(1)).is_some());
    let mut leaked = boxed(9);
    let head = block_on(next(&mut leaked));
    std::mem::forget(leaked);
    let rest = (all(boxed(0)), all(send(boxed(4))), first(2, boxed(3)));
    let pages = Pages { last: 3 };
    format!("{:?} {:?} {:?} {:?} {}", kept, taken, head, rest, all(pages.all("")))
}
