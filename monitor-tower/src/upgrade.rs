//! Connections that a request upgraded: a WebSocket, or the tunnel of a CONNECT.
//!
//! Such a request is over for the layer when its response's head is there (101, or 2xx to CONNECT); the connection then
//! belongs to code of the service's, which got it from hyper. hyper keeps nothing of the request beside that connection,
//! and its types for it can be neither made nor wrapped by other crates, so no layer sees its end. The service has to: it
//! takes the [`UpgradeCall`] out of the request and holds it as long as the connection. The call of the request ends with
//! the last of its clones. Without one it ends with the head, as a success.
//!
//! The call is handed over at the head: before, the [`UpgradeCall`] is empty, and after, the layer has none. A lock guards
//! the hand-over and each poll; only those two meet there.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http::{Extensions, Method as Verb, Request, Response, StatusCode, header};
use monitor_core::Outcome;
use pin_project_lite::pin_project;

use crate::call::HeldCall;

/// The call of a request that upgrades its connection, to be held as long as the connection.
///
/// [`http`](crate::http()) puts one into the extensions of each request that asks for an upgrade. The call is in flight
/// until the head of the response, and behind that until the last clone is dropped, which is a success. With the
/// feature `axum` it is an extractor, which never fails: on other requests it holds nothing.
///
/// A connection that is lost between the head and the upgrade is a success too where the service only drops its clone, as
/// axum drops the closure of `on_upgrade` with all that it captured. A future of [`within`](Self::within) that was made
/// before, and is dropped, is cancelled.
///
/// # Examples
///
/// With axum: `async fn chat(upgrade: WebSocketUpgrade, call: UpgradeCall) -> Response {
/// upgrade.on_upgrade(move |socket| call.within(serve(socket))) }`. With hyper alone:
///
/// ```
/// use http::{Request, Response, StatusCode};
/// use monitor_tower::UpgradeCall;
///
/// fn upgrade<B>(mut request: Request<B>) -> Response<()> {
///     let call = UpgradeCall::take(request.extensions_mut());
///     let serve = call.within(async move {
///         // let connection = hyper::upgrade::on(request).await?; ..
///     });
///     // tokio::spawn(serve);
///     # drop(serve);
///     let mut response = Response::new(());
///     *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
///     response
/// }
/// # upgrade(Request::new(()));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "the call ends when this is dropped"]
pub struct UpgradeCall {
    shared: Option<Arc<SharedCall>>,
}

impl UpgradeCall {
    /// Takes that of a request out of its extensions; an empty one if the request asks for no upgrade.
    pub fn take(extensions: &mut Extensions) -> Self {
        extensions.remove().unwrap_or_default()
    }

    /// A future that serves the connection: the calls it makes have the request's as their caller. The request's call
    /// ends with it, or with the last clone where others live longer: as a success, or cancelled if the future was dropped
    /// before its end. If it panics, the call ends at once, as a panic.
    pub fn within<F: Future>(self, future: F) -> ServeUpgraded<F> {
        ServeUpgraded {
            future: Some(future),
            serving: Some(Serving(self)),
        }
    }

    /// That of a request which asks for an upgrade, put into its extensions too.
    pub(crate) fn of_request<B>(request: &mut Request<B>) -> Option<Self> {
        let asks =
            request.headers().contains_key(header::UPGRADE) || request.method() == Verb::CONNECT;
        asks.then(|| {
            let call = Self {
                shared: Some(Arc::default()),
            };
            request.extensions_mut().insert(call.clone());
            call
        })
    }

    /// Takes the call of a request whose response upgrades the connection, if the service holds a clone.
    pub(crate) fn take_over(self, call: HeldCall) -> Option<HeldCall> {
        match &self.shared {
            Some(shared) if Arc::strong_count(shared) > 1 => {
                *shared.lock() = Some(call);
                None
            }
            _ => Some(call),
        }
    }
}

/// With the feature `axum`.
#[cfg(feature = "axum")]
impl<S: Sync> axum::extract::FromRequestParts<S> for UpgradeCall {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        head: &mut http::request::Parts,
        _state: &S,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self::take(&mut head.extensions))
    }
}

/// True if this response upgrades the connection of a request with this verb.
pub(crate) fn upgrades<B>(is_connect: bool, response: &Response<B>) -> bool {
    let status = response.status();
    status == StatusCode::SWITCHING_PROTOCOLS || is_connect && status.is_success()
}

/// A call from the head of its response to the drop of its last [`UpgradeCall`].
#[derive(Debug, Default)]
struct SharedCall {
    call: Mutex<Option<HeldCall>>,
    /// True once a future that served the connection was dropped before its end. `Relaxed`: the drop of the last clone,
    /// which reads it, comes behind all others by the count of the `Arc`.
    is_cancelled: AtomicBool,
}

impl SharedCall {
    fn lock(&self) -> MutexGuard<'_, Option<HeldCall>> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs code of the service as a part of the call, which ends with a panic of that code.
    fn run<R>(&self, run: impl FnOnce() -> R) -> R {
        // The lock is not held meanwhile: the code may drop a clone.
        let Some(mut call) = self.lock().take() else {
            return run();
        };
        let value = call.run(run);
        *self.lock() = Some(call);
        value
    }
}

impl Drop for SharedCall {
    fn drop(&mut self) {
        let outcome = if self.is_cancelled.load(Ordering::Relaxed) {
            Outcome::Cancelled
        } else if std::thread::panicking() {
            Outcome::Panic
        } else {
            Outcome::Success
        };
        if let Some(mut call) = self.lock().take() {
            call.finish(outcome);
        }
    }
}

/// The clone of a future, until it is at its end.
#[derive(Debug)]
struct Serving(UpgradeCall);

impl Serving {
    fn call(&self) -> Option<&SharedCall> {
        self.0.shared.as_deref()
    }
}

impl Drop for Serving {
    /// Without an end the call is cancelled, when the last clone is dropped.
    fn drop(&mut self) {
        if let Some(shared) = self.call() {
            shared.is_cancelled.store(true, Ordering::Relaxed);
        }
    }
}

pin_project! {
    /// A future that serves an upgraded connection; made by [`UpgradeCall::within`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ServeUpgraded<F> {
        // Taken only when it is dropped.
        #[pin]
        future: Option<F>,
        serving: Option<Serving>,
    }

    impl<F> PinnedDrop for ServeUpgraded<F> {
        /// Destructors of the future are a part of the call.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(shared) = this.serving.as_ref().and_then(Serving::call) {
                shared.run(|| this.future.set(None));
            }
        }
    }
}

impl<F: Future> Future for ServeUpgraded<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Pending;
        };
        let shared = this.serving.as_ref().and_then(Serving::call);
        let poll = match shared {
            Some(shared) => shared.run(|| future.poll(context)),
            None => future.poll(context),
        };
        if poll.is_ready()
            && let Some(mut serving) = this.serving.take()
        {
            // Other clones may live on.
            drop(serving.0.shared.take());
        }
        poll
    }
}

impl<F> fmt::Debug for ServeUpgraded<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeUpgraded").finish_non_exhaustive()
    }
}
