//! Functions that return a future or a stream: recognised by their type, or marked with `future` and `stream`.
//!
//! Prints:
//!
//! ```text
//! while the stream is read:
//! 1 x Lines in flight
//! 1 x Lines item
//! in all:
//! 1 x Boxed success
//! 1 x Fetch failure other
//! 1 x Hidden success
//! 1 x Lines failure other
//! 2 x Lines item
//! 1 x Lines failed item
//! 1 x Ticks failure cancelled
//! 2 x Ticks item
//! ```

use std::pin::{Pin, pin};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use monitor_core::monitored;
use monitor_core::testing::Recorder;

/// The call is the run of the future; making it is no part of it.
#[monitored(method = "Fetch")]
fn fetch(key: &str) -> impl Future<Output = Result<String, String>> + use<> {
    let key = key.to_owned();
    async move { Err(format!("no {key}")) }
}

#[monitored(method = "Boxed")]
fn boxed(number: u32) -> Pin<Box<dyn Future<Output = Option<u32>> + Send>> {
    Box::pin(async move { number.checked_add(1) })
}

/// A type that does not show the future needs a word.
type Answer = BoxFuture<'static, Option<u32>>;

#[monitored(method = "Hidden", future)]
fn hidden(number: u32) -> Answer {
    Box::pin(async move { number.checked_sub(1) })
}

/// A stream is in flight until it ends or is dropped; its items are counted. The outcome is that of the last item.
#[monitored(method = "Lines")]
fn lines(text: &'static str) -> impl Stream<Item = Result<&'static str, String>> {
    stream::iter(text.lines()).map(|line| match line {
        "" => Err("an empty line".to_owned()),
        line => Ok(line),
    })
}

type Ticks = BoxStream<'static, u64>;

/// Dropped before its end: cancelled.
#[monitored(method = "Ticks", stream)]
fn ticks() -> Ticks {
    stream::iter(0..).boxed()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let recorder = Recorder::new();
    let calls = recorder.scope(async {
        assert!(fetch("a").await.is_err());
        assert_eq!(boxed(1).await, Some(2));
        assert_eq!(hidden(1).await, Some(0));

        let mut text = pin!(lines("call me Ishmael\nsome years ago\n\n"));
        assert!(text.next().await.is_some());
        print!("while the stream is read:\n{}", only("Lines", &recorder));
        assert_eq!(text.count().await, 2);

        assert_eq!(ticks().take(2).collect::<Vec<_>>().await, [0, 1]);
    });
    calls.await;
    print!("in all:\n{}", recorder.recorded());
}

/// The records of one method so far.
fn only(method: &str, recorder: &Recorder) -> String {
    let all = recorder.recorded().to_string();
    let lines = all.lines().filter(|line| line.contains(method));
    lines.flat_map(|line| [line, "\n"]).collect()
}
