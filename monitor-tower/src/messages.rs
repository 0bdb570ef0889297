//! gRPC messages, counted as their frames pass: a message is a flag, its length in four bytes, and so many bytes.
//!
//! HTTP/2 cuts the stream of messages where it likes, so a [`MessageParser`] keeps its place between two chunks: some bytes
//! of state, whatever a peer sends. Nothing is copied. A message counts when its last byte has passed.
//!
//! The messages of requests are read by another part of the program than those of responses, so the count of a request
//! ([`MessageCount`]) is shared. A call that is named by its response has no counter yet while its first messages arrive:
//! those wait in the count for the end of the call. The count also knows whether the request broke, which tells a server that
//! its client is gone: a handler that reads a stream goes on, and may answer.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use monitor_core::{Counter, MetricDesc, MetricFamily, Monitor};
use pin_project_lite::pin_project;

/// Bytes in front of a message: a flag and the length.
const PREFIX: u8 = 5;

/// The place in a stream of messages.
#[derive(Debug, Default)]
pub(crate) struct MessageParser {
    /// Bytes of the current prefix that have passed.
    prefix: u8,
    /// The bytes of the length that have passed, then the bytes of the message that are missing.
    left: u32,
}

/// The messages that ended in a chunk, and the bytes of messages in it, without prefixes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    messages: u64,
    bytes: u64,
}

impl MessageParser {
    pub(crate) fn read(&mut self, mut chunk: &[u8]) -> Passed {
        let mut passed = Passed::default();
        while let Some((&first, behind)) = chunk.split_first() {
            if self.prefix < PREFIX {
                // The flag comes first and is shifted out by the length.
                self.left = if self.prefix == 0 {
                    0
                } else {
                    self.left << 8 | u32::from(first)
                };
                self.prefix += 1;
                chunk = behind;
            } else {
                let whole = usize::try_from(self.left).unwrap_or(usize::MAX);
                let (message, behind) = chunk.split_at(whole.min(chunk.len()));
                passed.bytes += message.len() as u64;
                self.left -= u32::try_from(message.len()).unwrap_or(self.left);
                chunk = behind;
            }
            if self.prefix == PREFIX && self.left == 0 {
                passed.messages += 1;
                self.prefix = 0;
            }
        }
        passed
    }
}

/// The messages of one direction of a call.
#[derive(Debug, Default)]
pub(crate) struct MessageCount {
    bytes: AtomicU64,
    /// Messages that passed before the counter was known.
    waiting: AtomicU64,
    counter: OnceLock<Counter>,
    is_broken: AtomicBool,
}

// Relaxed: the values order nothing, and the end of the call reads what it can see. A handler that answers because its
// request broke has read the error before.
impl MessageCount {
    pub(crate) fn add(&self, passed: &Passed) {
        self.bytes.fetch_add(passed.bytes, Relaxed);
        match self.counter.get() {
            _ if passed.messages == 0 => {}
            Some(counter) => counter.inc_by(passed.messages),
            None => {
                self.waiting.fetch_add(passed.messages, Relaxed);
            }
        }
    }

    /// Counts with this counter from now on.
    pub(crate) fn count_with(&self, counter: Counter) {
        let _ = self.counter.set(counter);
    }

    /// Counts the messages that passed before the counter was known.
    pub(crate) fn flush(&self) {
        let waiting = self.waiting.load(Relaxed);
        if waiting > 0
            && let Some(counter) = self.counter.get()
        {
            counter.inc_by(self.waiting.swap(0, Relaxed));
        }
    }

    /// True if the body ended with an error.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Relaxed)
    }

    /// Bytes of messages, without prefixes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}

pin_project! {
    /// The body of a request, whose messages are counted.
    #[derive(Debug)]
    pub(crate) struct CountedBody<B> {
        #[pin]
        inner: B,
        parser: MessageParser,
        count: Arc<MessageCount>,
    }
}

impl<B> CountedBody<B> {
    pub(crate) fn new(inner: B, count: Arc<MessageCount>) -> Self {
        let parser = MessageParser::default();
        Self {
            inner,
            parser,
            count,
        }
    }
}

impl<B: Body<Data = Bytes>> Body for CountedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let polled = this.inner.poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.count.add(&this.parser.read(data));
                }
            }
            Poll::Ready(Some(Err(_))) => this.count.is_broken.store(true, Relaxed),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The counters of messages, by method and direction, in the monitor that a layer first recorded in.
#[derive(Debug, Default)]
pub(crate) struct MessageCounters {
    first: OnceLock<(Monitor, Option<Family>)>,
}

type Family = MetricFamily<Counter, 2>;

impl MessageCounters {
    /// The counters of a method: of messages received and of messages sent. `None` if the program has a metric of another
    /// kind under their name.
    pub(crate) fn of(&self, monitor: Monitor, method: &str) -> Option<(Counter, Counter)> {
        let (first, family) = self.first.get_or_init(|| (monitor, family_in(monitor)));
        let with = |family: &Family| {
            let counter = |direction| family.with([method, direction]);
            (counter("received"), counter("sent"))
        };
        if *first == monitor {
            family.as_ref().map(with)
        } else {
            family_in(monitor).as_ref().map(with)
        }
    }
}

fn family_in(monitor: Monitor) -> Option<Family> {
    let name = "grpc_messages_total";
    let help = "gRPC messages that passed the layers of monitor-tower, by method and direction.";
    let desc = MetricDesc::new(name, help).labels(["method", "direction"]);
    monitor.register_counter(desc).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of these lengths, as they stand in a body.
    fn stream(lengths: &[u32]) -> Vec<u8> {
        let message = |length: &u32| {
            let prefix = [1].into_iter().chain(length.to_be_bytes());
            prefix
                .chain((0..*length).map(|_| 0xFF))
                .collect::<Vec<u8>>()
        };
        lengths.iter().flat_map(message).collect()
    }

    #[test]
    fn messages_count_wherever_the_stream_is_cut() {
        let all = stream(&[0, 3, 70_000, 1, 0, 258]);
        for size in [1, 2, 3, 4, 5, 6, 7, 1_000, 70_005, all.len()] {
            let mut parser = MessageParser::default();
            let mut sum = Passed::default();
            for chunk in all.chunks(size) {
                let passed = parser.read(chunk);
                sum.messages += passed.messages;
                sum.bytes += passed.bytes;
            }
            let expected = Passed {
                messages: 6,
                bytes: 70_262,
            };
            assert_eq!(sum, expected, "in chunks of {size}");
        }
    }

    #[test]
    fn a_message_that_lacks_bytes_does_not_count() {
        let mut parser = MessageParser::default();
        let all = stream(&[2, 4]);
        assert_eq!(parser.read(&all[..all.len() - 1]).messages, 1);
        assert_eq!(parser.read(&[]), Passed::default());
        assert_eq!(parser.read(&[0]).messages, 1);
    }

    #[test]
    fn a_length_of_four_gigabytes_is_only_a_number() {
        let mut parser = MessageParser::default();
        assert_eq!(parser.read(&[0, 255, 255, 255, 255, 7, 7]).bytes, 2);
        assert_eq!(parser.left, u32::MAX - 2);
    }
}
