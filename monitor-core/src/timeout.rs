//! Time limits that are failures.
//!
//! A future that a time limit drops is `cancelled` to the functions inside of it, as one is whose client hung up, and the
//! failure share leaves cancelled calls out: a service in which each request exceeds its limit seems to have no
//! failures. The time limits here count the calls they drop as failures of the type `timeout`, and return a
//! [`TimeoutError`], which is of that type too.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::errors::{MonitorError, NamedError, Naming, TIMEOUT, ask_also};
use crate::recording::time_limit::drop_expired;

/// A future did not end within its time limit.
///
/// Names the error type `timeout`, also behind trait objects (`Box<dyn Error>`, `anyhow::Error`) and as a source: a
/// monitored function that returns it failed with that type. Without an entry in the configuration the type has the
/// status `OTHER_EXCEPTION`, and is on the page from the first such failure on.
///
/// # Examples
///
/// ```
/// use monitor_core::MonitorError;
/// use monitor_core::TimeoutError;
///
/// assert_eq!(TimeoutError::new(None).error_type(), Some("timeout"));
/// assert_eq!(TimeoutError::new(None).to_string(), "timed out");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeoutError {
    limit: Option<Duration>,
}

impl TimeoutError {
    /// The error of a future that exceeded this limit, for a time limit of one's own. `None`: it is not known.
    pub fn new(limit: Option<Duration>) -> Self {
        ask_also(&NamedError(Naming::<Self>::QUESTIONS));
        Self { limit }
    }

    /// The limit that was exceeded, where it is known.
    pub const fn limit(&self) -> Option<Duration> {
        self.limit
    }
}

impl fmt::Display for TimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(f, "timed out after {limit:?}"),
            None => f.write_str("timed out"),
        }
    }
}

impl Error for TimeoutError {}

impl MonitorError for TimeoutError {
    fn error_type(&self) -> Option<&'static str> {
        Some(TIMEOUT)
    }
}

pin_project! {
    /// A future until it ends or its time is over. `F` returns an error at the end of its time.
    struct Limited<F> {
        limit: Option<Duration>,
        #[pin]
        limited: Option<F>,
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for Limited<F> {
    type Output = Result<T, TimeoutError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(limited) = this.limited.as_mut().as_pin_mut() else {
            // Polled after its end.
            return Poll::Pending;
        };
        let Poll::Ready(ended) = limited.poll(context) else {
            return Poll::Pending;
        };
        if let Ok(value) = ended {
            this.limited.set(None);
            Poll::Ready(Ok(value))
        } else {
            drop_expired(|| this.limited.set(None));
            Poll::Ready(Err(TimeoutError::new(*this.limit)))
        }
    }
}

pin_project! {
    /// A future and the sleep that limits it.
    struct Race<F, S> {
        #[pin]
        future: F,
        #[pin]
        sleep: S,
    }
}

impl<F: Future, S: Future> Future for Race<F, S> {
    type Output = Result<F::Output, ()>;

    /// The future first: one that is ready has not exceeded its limit.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.future.poll(context) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => this.sleep.poll(context).map(|_| Err(())),
        }
    }
}

/// A future within a time limit, on tokio: the future's output, or a [`TimeoutError`] once the limit is over. With the
/// feature `tokio`.
///
/// At the limit the future is dropped, as by `tokio::time::timeout`, and the monitored calls in flight inside of it fail
/// with the type `timeout` instead of being cancelled. A task that the future spawned is not dropped with it, so neither
/// are calls in that task.
///
/// `limit` counts from the call of this function. A limit of 0 is over at the first poll, unless the future is ready
/// then; one too long for the clock never is.
///
/// # Panics
///
/// Outside of a tokio runtime, or in one without a timer.
///
/// # Cancellation
///
/// Dropped before its end, by its own caller, it drops the future, whose calls are then cancelled: the limit was not
/// exceeded.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use monitor_core::{Monitor, TimeoutError, monitored, timeout};
///
/// #[monitored(method = "Query")]
/// async fn query() -> Result<u32, String> {
///     tokio::time::sleep(Duration::from_secs(60)).await;
///     Ok(7)
/// }
///
/// #[monitored(method = "Load")]
/// async fn load() -> Result<u32, Box<dyn std::error::Error>> {
///     Ok(timeout(Duration::from_millis(20), query()).await??)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = load().await.expect_err("it takes too long");
/// assert!(error.is::<TimeoutError>());
/// assert_eq!(error.to_string(), "timed out after 20ms");
///
/// let snapshot = Monitor::global().snapshot();
/// let timeouts = snapshot.error_types.iter().position(|name| &**name == "timeout").expect("there were some");
/// for name in ["Query", "Load"] {
///     let method = snapshot.methods.iter().find(|method| &*method.name == name).expect("it was called");
///     assert_eq!((method.failure.count(), method.errors[timeouts]), (1, 1));
/// }
/// # }
/// ```
#[cfg(feature = "tokio")]
pub fn timeout<F: IntoFuture>(
    limit: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    Limited {
        limit: Some(limit),
        limited: Some(tokio::time::timeout(limit, future)),
    }
}

/// A future within a time limit that ends with any other future, such as the sleep of another runtime: the future's
/// output, or a [`TimeoutError`] once `sleep` is ready.
///
/// Like `timeout`, which the feature `tokio` has for that runtime. Of the two, `future` is polled first.
///
/// # Examples
///
/// ```
/// use monitor_core::{TimeoutError, timeout_with};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let is_over = std::future::ready(());
/// assert_eq!(timeout_with(is_over, async { 7 }).await, Ok(7));
///
/// let never = std::future::pending::<u32>();
/// assert_eq!(timeout_with(std::future::ready(()), never).await, Err(TimeoutError::new(None)));
/// # }
/// ```
pub fn timeout_with<F: IntoFuture>(
    sleep: impl Future,
    future: F,
) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    let future = future.into_future();
    Limited {
        limit: None,
        limited: Some(Race { future, sleep }),
    }
}
