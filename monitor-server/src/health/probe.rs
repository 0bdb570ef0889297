//! One run of a check: a future on the runtime of checks, or a call on a thread of its own. Whatever it does, panic or hang,
//! is a result.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;

use super::check::CheckResult;
use crate::runtime::log::log;

/// Name of the threads that blocking checks run on; 13 bytes, Linux shows 15.
const THREAD_NAME: &str = "monitor-check";

/// Longest text of a failure that is kept, in bytes.
const MAX_OUTPUT: usize = 1024;

type Answer = Result<(), String>;

type AnswerFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What a check runs.
#[derive(Clone)]
pub(crate) enum Probe {
    Async(Arc<dyn Fn() -> AnswerFuture + Send + Sync>),
    Blocking(Arc<dyn Fn() -> Answer + Send + Sync>),
}

impl Probe {
    pub(crate) fn of_future<F, Fut, E>(probe: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        Self::Async(Arc::new(move || {
            let answer = probe();
            Box::pin(async move { answer.await.map_err(|error| error.to_string()) })
        }))
    }

    pub(crate) fn of_call<F, E>(probe: F) -> Self
    where
        F: Fn() -> Result<(), E> + Send + Sync + 'static,
        E: fmt::Display,
    {
        Self::Blocking(Arc::new(move || probe().map_err(|error| error.to_string())))
    }

    /// Begins a run; in the runtime of checks.
    pub(super) fn start(&self) -> Run {
        match self {
            Self::Async(probe) => match catch_unwind(AssertUnwindSafe(|| probe())) {
                Ok(future) => Run::Future(future),
                Err(_) => Run::Future(Box::pin(async { Err(PANICKED.to_owned()) })),
            },
            Self::Blocking(probe) => Run::Call(call(Arc::clone(probe))),
        }
    }
}

/// Its answer, or `None` where it has none within `limit`. A panic is an answer, while it is dropped too: it is dropped here.
async fn caught(mut future: AnswerFuture, limit: Duration) -> Option<Answer> {
    let panicked = || Err(PANICKED.to_owned());
    let polled = std::future::poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| Poll::Ready(panicked()))
    });
    let answer = tokio::time::timeout(limit, polled).await.ok();
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
    dropped.map_or_else(|_| Some(panicked()), |()| answer)
}

/// Calls on a thread of its own. The sender is gone without an answer where there was no thread.
fn call(probe: Arc<dyn Fn() -> Answer + Send + Sync>) -> oneshot::Receiver<Answer> {
    let (sender, receiver) = oneshot::channel();
    let call = move || {
        let answer = catch_unwind(AssertUnwindSafe(|| probe()));
        // Nobody waits any more once the check was removed.
        let _ = sender.send(answer.unwrap_or_else(|_| Err(PANICKED.to_owned())));
    };
    // Never joined: a call that hangs cannot be stopped, and holds nobody.
    let spawned = std::thread::Builder::new()
        .name(THREAD_NAME.to_owned())
        .spawn(call);
    if let Err(error) = spawned {
        log(move || tracing::warn!(%error, "no thread to run a check on"));
    }
    receiver
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Async(_) => "Async(..)",
            Self::Blocking(_) => "Blocking(..)",
        })
    }
}

/// What a check that panicked says; the panic hook has told the rest.
const PANICKED: &str = "it panicked";

/// A run under way.
pub(super) enum Run {
    Future(AnswerFuture),
    Call(oneshot::Receiver<Answer>),
}

impl Run {
    /// Its result, at latest after `limit`; and what is left of it then, if anything.
    pub(crate) async fn result(self, limit: Duration) -> (CheckResult, Option<Rest>) {
        let (answer, rest) = match self {
            Self::Future(future) => (caught(future, limit).await, None),
            Self::Call(mut receiver) => match tokio::time::timeout(limit, &mut receiver).await {
                Ok(answer) => {
                    let no_thread = |_| Err("there was no thread to run it on".to_owned());
                    (Some(answer.unwrap_or_else(no_thread)), None)
                }
                Err(_) => (None, Some(Rest(receiver))),
            },
        };
        let answer = answer.unwrap_or_else(|| Err(format!("no answer within {limit:?}")));
        (answer.map_err(|output| bounded(output).into()), rest)
    }
}

/// A call that has not returned in time.
pub(super) struct Rest(oneshot::Receiver<Answer>);

impl Rest {
    /// Waits until it has, however long it takes, so that there is never more than one.
    pub(crate) async fn end(self) {
        let _ = self.0.await;
    }
}

/// Cut at a character's border.
fn bounded(mut output: String) -> String {
    if output.len() > MAX_OUTPUT {
        let end = (0..=MAX_OUTPUT)
            .rev()
            .find(|at| output.is_char_boundary(*at));
        output.truncate(end.unwrap_or(0));
        output.push_str("..");
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(bounded("short".to_owned()), "short");
        let long = bounded("\u{e4}".repeat(600));
        assert_eq!(long, format!("{}..", "\u{e4}".repeat(512)));
        assert_eq!(
            bounded(format!("a{}", "\u{e4}".repeat(600))).len(),
            1023 + 2
        );
    }
}
