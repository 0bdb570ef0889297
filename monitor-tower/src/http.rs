//! The layer for HTTP servers: a call for each request, named by verb and route, with its outcome by the status.
//!
//! # The name
//!
//! The method of a request is `<verb> <route>`, such as `GET /users/{id}`. The route is a pattern and never a path, so
//! that the number of methods is that of the program's routes: axum's `MatchedPath` (feature `axum`), else the answer of
//! the user's function ([`HttpLayer::route`]), else `(unmatched)`. A verb outside of the standard ones is `OTHER`: a client
//! may send any word. Beyond that the storage's `max_methods` holds.
//!
//! axum puts the `MatchedPath` into a request as it chooses the route, so it is there for layers of the router
//! (`Router::layer`, outermost if it is added last) and not for those around the router as a whole. Such a layer knows no
//! route: axum takes the path of a request along inside, and leaves no trace of it in the response.
//!
//! # The outcome
//!
//! A status is a success, a failure or an expected failure ([`StatusOutcome`]); failures have the type `http_<status>`. A
//! failure by status remains one when the body breaks or the client leaves; a success becomes `http_body` or `cancelled`.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{HeaderMap, Method as Verb, Request, Response, StatusCode};
use http_body::Body;
use monitor_core::errors::http_type;
use monitor_core::{Method, Monitor, Outcome};
use tower_layer::Layer;
use tower_service::Service;

use crate::call::{
    CallInFlight, HeldCall, MonitoredBody, ONCE, ReadError, ReadResponse, ResponseFuture, Rest,
    Verdict, content_length, method_of, note_size, poll_ready,
};
use crate::errors::outcome_of;
use crate::upgrade::{UpgradeCall, upgrades};

/// The route of a request that no pattern is known for.
const UNMATCHED: &str = "(unmatched)";

/// The failure of a response whose body ended with an error.
pub(crate) const BROKEN_BODY: &str = "http_body";

monitor_core::__private::inventory::submit! { monitor_core::__private::LateTypes(&[BROKEN_BODY]) }

/// The meaning of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusOutcome {
    /// A success.
    Success,
    /// A failure that does not affect health: the request was wrong, not the service.
    Expected,
    /// A failure.
    Failure,
}

impl StatusOutcome {
    /// The meaning that a status has by default: 5xx and 408 are failures, other 4xx are expected, the rest are successes.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use monitor_tower::StatusOutcome;
    ///
    /// assert_eq!(StatusOutcome::of(StatusCode::OK), StatusOutcome::Success);
    /// assert_eq!(StatusOutcome::of(StatusCode::NOT_FOUND), StatusOutcome::Expected);
    /// assert_eq!(StatusOutcome::of(StatusCode::REQUEST_TIMEOUT), StatusOutcome::Failure);
    /// assert_eq!(StatusOutcome::of(StatusCode::BAD_GATEWAY), StatusOutcome::Failure);
    /// ```
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match Outcome::of_http_status(status.as_u16()) {
            Outcome::Success => Self::Success,
            Outcome::Expected(_) => Self::Expected,
            _ => Self::Failure,
        }
    }

    /// The meaning of a status by this rule; by default where the rule panics.
    pub(crate) fn by(rule: StatusRule, status: StatusCode) -> Self {
        catch_unwind(|| rule(status)).unwrap_or_else(|_| Self::of(status))
    }

    /// The outcome of a call whose response has this status.
    pub(crate) fn verdict(self, status: StatusCode) -> Verdict {
        match self {
            Self::Success => Verdict::Success,
            Self::Expected => Verdict::Expected(http_type(status.as_u16())),
            Self::Failure => Verdict::Failure(http_type(status.as_u16())),
        }
    }
}

/// Returns the meaning of a status.
pub(crate) type StatusRule = fn(StatusCode) -> StatusOutcome;

/// Returns the pattern that a request matches.
type RouteFunction = dyn Fn(&Parts) -> Option<Cow<'static, str>> + Send + Sync;

/// The layer that records the requests of an HTTP service; see [`HttpLayer`].
pub fn http() -> HttpLayer {
    HttpLayer {
        settings: Settings {
            monitor: None,
            outcome: StatusOutcome::of,
            route: None,
        },
    }
}

/// Records each request of an HTTP service as an entry call named `<verb> <route>`, from its arrival to the end of the
/// response's body.
///
/// Made by [`http()`](crate::http()). Add it as the outermost layer: under axum by `Router::layer`, last, where it has the
/// pattern of each route. Add it once: a request that passes two of them counts twice, as it does where a router with the
/// layer is merged or nested into another that gets it too.
///
/// # Definition
///
/// The method is `<verb> <route>`: one of the nine standard verbs or `OTHER`, and axum's `MatchedPath` (feature `axum`),
/// else the answer of [`route`](Self::route), else `(unmatched)`. It is cut after 120 bytes. The size of the request is the
/// length of its body, if that is known when it arrives; the size of the response is the sum of the data frames that
/// were read. Empty bodies have no size.
///
/// The type of an error that the service returns in place of a response is read off the error and its sources if it is a
/// `Box<dyn Error + Send + Sync>`, an `io::Error` or, with the feature `reqwest`, a `reqwest::Error`. Of others only the text
/// and the name of their Rust type are read, by the configured rules: `ServiceBuilder::map_err(BoxError::from)` inside of
/// the layer makes a box of them. An error or panic of `poll_ready` is a failed call of `OTHER (not ready)`: the
/// request that it is about never arrives.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing unless it is added to a service"]
pub struct HttpLayer {
    settings: Settings,
}

#[derive(Clone)]
struct Settings {
    monitor: Option<Monitor>,
    outcome: StatusRule,
    route: Option<Arc<RouteFunction>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("monitor", &self.monitor)
            .finish_non_exhaustive()
    }
}

impl HttpLayer {
    /// Records in this monitor, requests and the calls inside of them. By default they record in the monitor that is
    /// current where the request arrives, which is the global one outside of a scope.
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.settings.monitor = Some(monitor);
        self
    }

    /// Sets the meaning of statuses; by default [`StatusOutcome::of`].
    pub fn outcome(mut self, outcome: fn(StatusCode) -> StatusOutcome) -> Self {
        self.settings.outcome = outcome;
        self
    }

    /// Names the route of requests that have no `MatchedPath`: a pattern of a closed set (`/users/{id}`), or `None`, which
    /// is `(unmatched)`, as is a request for which it panics. It must not return paths as clients send them: each would be
    /// a method, up to `max_methods`.
    pub fn route(
        mut self,
        route: impl Fn(&Parts) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.settings.route = Some(Arc::new(route));
        self
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> HttpService<S> {
        HttpService {
            inner,
            settings: self.settings.clone(),
        }
    }
}

/// A service whose requests are recorded; made by [`HttpLayer`].
#[derive(Debug, Clone)]
pub struct HttpService<S> {
    inner: S,
    settings: Settings,
}

impl<S, B, R> Service<Request<B>> for HttpService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display + 'static,
    B: Body,
    R: Body,
{
    type Response = Response<MonitoredBody<R, HttpReader>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, HttpReader>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let Self { inner, settings } = self;
        let poll = || inner.poll_ready(context);
        let ready = poll_ready(settings.monitor, poll, |panic| settings.not_ready(panic));
        if let Poll::Ready(Err(error)) = &ready {
            settings.not_ready(outcome_of(settings.monitor(), error));
        }
        ready
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (inner, mut request) = (&mut self.inner, Some(request));
        let route = self.settings.route(&mut request);
        let arrived = request.as_mut().expect(ONCE);
        let mut call = self.settings.start(arrived, route.as_deref());
        let future = call.held.run(|| inner.call(request.take().expect(ONCE)));
        ResponseFuture::new(future, call)
    }
}

impl Settings {
    fn monitor(&self) -> Monitor {
        self.monitor.unwrap_or_else(Monitor::current)
    }

    /// The answer of the user's function, where it is asked.
    fn route<B>(&self, request: &mut Option<Request<B>>) -> Option<Cow<'static, str>> {
        let route = self.route.as_ref()?;
        if request
            .as_ref()
            .is_some_and(|request| matched_path(request).is_some())
        {
            return None;
        }
        let (head, body) = request.take()?.into_parts();
        // The request is not to fail with a function that only names it.
        let pattern = catch_unwind(AssertUnwindSafe(|| route(&head)));
        *request = Some(Request::from_parts(head, body));
        pattern.ok().flatten()
    }

    /// Starts the call of a request.
    fn start<B: Body>(
        &self,
        request: &mut Request<B>,
        route: Option<&str>,
    ) -> CallInFlight<HttpReader> {
        let monitor = self.monitor();
        let pattern = matched_path(request).or(route).unwrap_or(UNMATCHED);
        let mut call = named(monitor, verb_of(request.method()), pattern).start_entry();
        note_size(&mut call, request.body());
        let reader = HttpReader {
            outcome: self.outcome,
            monitor,
            status: None,
            is_head: request.method() == Verb::HEAD,
            is_connect: request.method() == Verb::CONNECT,
            upgrade: UpgradeCall::of_request(request),
        };
        let held = HeldCall::new(call, self.monitor);
        CallInFlight { held, reader }
    }

    /// Records a service that cannot take requests any more: the request that it would have got never arrives.
    fn not_ready(&self, outcome: Outcome<'_>) {
        let method = named(self.monitor(), "OTHER", "(not ready)");
        method.start_entry().finish(outcome);
    }
}

fn named(monitor: Monitor, verb: &str, pattern: &str) -> Method {
    method_of(monitor, verb, pattern).expect("a verb and a pattern are a name of 1 to 120 bytes")
}

/// The name of a standard verb, or `OTHER`.
fn verb_of(verb: &Verb) -> &str {
    match verb.as_str() {
        known @ ("GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "CONNECT" | "PATCH"
        | "TRACE") => known,
        _ => "OTHER",
    }
}

/// The pattern of the route that axum chose.
#[cfg(feature = "axum")]
fn matched_path<B>(request: &Request<B>) -> Option<&str> {
    let matched = request.extensions().get::<axum::extract::MatchedPath>();
    matched.map(axum::extract::MatchedPath::as_str)
}

#[cfg(not(feature = "axum"))]
fn matched_path<B>(_request: &Request<B>) -> Option<&str> {
    None
}

/// Reads the outcome of a request off the status; a part of the types of an [`HttpService`].
#[derive(Debug, Clone)]
pub struct HttpReader {
    outcome: StatusRule,
    monitor: Monitor,
    /// Of the head, once there is one, and its meaning.
    status: Option<(StatusCode, StatusOutcome)>,
    /// The response to HEAD has no body, whatever the service returns.
    is_head: bool,
    is_connect: bool,
    /// To hand the call over to, if the response upgrades the connection.
    upgrade: Option<UpgradeCall>,
}

impl ReadResponse for HttpReader {
    fn head<B>(&mut self, response: &Response<B>) -> Rest {
        let status = response.status();
        self.status = Some((status, StatusOutcome::by(self.outcome, status)));
        let is_upgrade = upgrades(self.is_connect, response);
        if !is_upgrade {
            self.upgrade = None;
        }
        if is_upgrade
            || self.is_head
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        {
            Rest::Nothing
        } else {
            Rest::Body
        }
    }

    fn take_over(&mut self, call: HeldCall) -> Option<HeldCall> {
        match self.upgrade.take() {
            Some(upgrade) => upgrade.take_over(call),
            None => Some(call),
        }
    }

    fn announced_length(&self, headers: &HeaderMap) -> Option<u64> {
        content_length(headers)
    }

    fn cut_short(&self) -> Verdict {
        self.broken()
    }

    fn ended(&self) -> Verdict {
        let verdict = |(status, outcome): (_, StatusOutcome)| outcome.verdict(status);
        self.status.map_or(Verdict::Success, verdict)
    }

    fn broken(&self) -> Verdict {
        self.ended().or_broken(BROKEN_BODY)
    }

    fn dropped(&self, _begun: bool) -> Option<Verdict> {
        Some(self.ended()).filter(|verdict| *verdict != Verdict::Success)
    }
}

impl<E: fmt::Display + 'static> ReadError<E> for HttpReader {
    fn error<'e>(&self, error: &'e E) -> Outcome<'e> {
        outcome_of(self.monitor, error)
    }
}
