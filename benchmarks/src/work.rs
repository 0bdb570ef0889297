//! The measured function, which does next to nothing, so that the figures are those of the code around it.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// The result of [`work`].
pub(crate) type Answer = Result<u64, Refused>;

/// Set in an input that [`work`] is to refuse.
pub(crate) const REFUSE: u64 = 1 << 63;

/// Why [`work`] fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

impl Refused {
    /// The error type in the storage's rules and in the peers' label.
    pub(crate) const TYPE: &str = "refused";
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the input is refused")
    }
}

impl std::error::Error for Refused {}

/// An error of three levels whose texts are 200 bytes together; the word that gives its type is the last of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chained;

#[derive(Debug)]
struct Cause {
    text: &'static str,
    cause: Option<&'static Cause>,
}

static MIDDLE: Cause = Cause {
    text: "the document could not be sent on to the tagger, which has no free worker left",
    cause: Some(&LAST),
};

static LAST: Cause = Cause {
    text: "the peer at 10.20.30.40:8080 did not answer: connection refused",
    cause: None,
};

impl fmt::Display for Chained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("processing of the text with id 012345678901234 was given up")
    }
}

impl std::error::Error for Chained {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&MIDDLE)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.map(|cause| cause as _)
    }
}

/// The bare function.
#[inline(never)]
pub(crate) fn work(x: u64) -> Answer {
    if x & REFUSE == 0 {
        Ok(x.wrapping_mul(3) ^ 1)
    } else {
        Err(Refused)
    }
}

/// The bare function, ready at its first poll.
pub(crate) async fn work_async(x: u64) -> Answer {
    work(x)
}

/// The bare function, ready at its second poll.
pub(crate) async fn work_yielding(x: u64) -> Answer {
    yield_once().await;
    work(x)
}

/// An argument as large as a request of the usual HTTP libraries, with a destructor.
pub(crate) struct Request {
    fields: [u64; 25],
    body: Vec<u8>,
}

impl Request {
    #[inline]
    pub(crate) fn new(x: u64) -> Self {
        Self {
            fields: [x; 25],
            body: Vec::new(),
        }
    }

    /// The length of its body, which is used behind an await: so the request is kept over that.
    pub(crate) fn length(&self) -> u64 {
        self.body.len() as u64
    }
}

/// The bare function on a request, ready at its first poll.
pub(crate) async fn work_on(request: &Request) -> Answer {
    work(request.fields[3])
}

/// The bare function on a request, ready at its second poll.
pub(crate) async fn work_on_yielding(request: &Request) -> Answer {
    yield_once().await;
    work(request.fields[3])
}

/// A bare handler with a `?`, ready at its first poll.
pub(crate) async fn handler(request: Request) -> Answer {
    let answer = work_on(&request).await?;
    Ok(answer ^ request.length())
}

/// A bare handler with a `?`, ready at its second poll.
pub(crate) async fn handler_yielding(request: Request) -> Answer {
    let answer = work_on_yielding(&request).await?;
    Ok(answer ^ request.length())
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|_| {
        if std::mem::replace(&mut yielded, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Polls a future until it is ready, as an executor with nothing else to do.
#[inline]
pub(crate) fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Polls a future until it is ready, in a function of its own, as an executor polls tasks that other code made.
#[inline]
pub(crate) fn drive_task<F: Future>(future: F) -> F::Output {
    #[inline(never)]
    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
}

/// Steps of [`other_work`]; about 12 ns in all.
const STEPS: u32 = 10;

/// The caller's work between two calls: a chain of arithmetic, which a processor can overlap with the code around it.
#[inline]
pub(crate) fn other_work(x: u64) -> u64 {
    (0..STEPS).fold(x, |x, _| {
        (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }) & !REFUSE
}
