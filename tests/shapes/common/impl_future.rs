//! `impl Future`: making it is not the call, running it is.
//@ shape: `impl Future + Send`, statements before the async tail
//@ records: later = ok 1, other 1, cancelled 1
//@ records: borrowing = ok 1

use std::future::Future;

use monitor_core::monitored;
use shapes_driver::{block_on, poll_once, send, size, yield_now};

#[monitored]
fn later(fail: bool) -> impl Future<Output = Result<u8, String>> + Send {
    let text = format!("fail: {}", fail);
    let answer = if fail { Err(text) } else { Ok(1) };
    async move {
        yield_now().await;
        answer
    }
}

#[monitored]
fn borrowing<'a>(text: &'a str) -> impl Future<Output = &'a str> + Send + 'a {
    let trimmed = text.trim();
    async move { trimmed }
}

/// Runs it.
pub fn run() -> String {
    drop(send(later(true)));
    let cancelled = poll_once(later(true)).is_none();
    let text = " a".to_owned();
    let given = block_on(async { (size("later", later(true)).await, later(false).await) });
    format!("{:?} {} {}", given, cancelled, block_on(size("borrowing", borrowing(&text))))
}
