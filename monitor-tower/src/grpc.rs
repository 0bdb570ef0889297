//! The layers for gRPC: a call for each request of a tonic server or channel, with its outcome by the status code.
//!
//! # The name
//!
//! The method of a server's call is `<package>.<service>/<method>`, which is the path of the request. A client may send any
//! path, and the layer stands outside of the router that knows the right ones. So a path is a name if the monitor has a
//! method of that name when the request arrives. If it has none, the call is `(unmatched)` to its end, and in flight from the
//! start: a call that waited for its name would be seen nowhere while it hangs. An answer that only a handler gives makes the
//! method, for the calls that come after it: a head without a code, which messages follow. A code in the head may come from
//! in front of the handlers: tonic answers a path that it does not know with `UNIMPLEMENTED`, and an interceptor or a limit
//! refuses calls with any code. Beyond that the storage's `max_methods` holds.
//!
//! # The outcome
//!
//! The code of the trailers or of a head without a body, by [`CodeOutcome`]. A stream that ends without one is a failure, as
//! it is for its client. A request that is not gRPC by its `content-type`, such as a scrape of a page beside tonic's routes,
//! is `(unmatched)` and counts by its HTTP status.
//!
//! A client that leaves while a handler reads its stream does not end the handler: that gets an error, or the end of the
//! stream, and answers. If it answers with a failure, no client gets it, and the call is cancelled.
//!
//! # Time limits
//!
//! tonic's own time limits ([`Server::timeout`], and the `grpc-timeout` of the request) stand around all layers: the call is
//! dropped and tonic answers in its place. To the layer it looks as if the client had left. So a call that is dropped when
//! its time is over has exceeded its deadline; the layer reads `grpc-timeout`, and the user names the server's limit
//! ([`GrpcLayer::time_limit`]). A client that leaves at its deadline looks the same, and its call counts the same.
//!
//! [`Server::timeout`]: https://docs.rs/tonic/0.14/tonic/transport/server/struct.Server.html#method.timeout

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use monitor_core::{CallGuard, Method, Monitor, Outcome};
use pin_project_lite::pin_project;
use tonic::Code;
use tower_layer::Layer;
use tower_service::Service;

use crate::call::{
    CallInFlight, HeldCall, MAX_METHOD_NAME, MonitoredBody, ReadError, ReadResponse,
    ResponseFuture, Rest, Verdict, cut, method_of, poll_ready,
};
use crate::codes::{BROKEN_BODY, CodeOutcome, CodeRule, code_in, code_of_error, code_of_status};
use crate::errors::{BoxError, outcome_of};
use crate::http::StatusOutcome;
use crate::messages::{CountedBody, MessageCount, MessageCounters, MessageParser};

/// The method of calls that no handler answers, and of those that begin before the first answer of their handler.
const UNMATCHED: &str = "(unmatched)";

/// The beginning of the `content-type` of gRPC.
const GRPC: &[u8] = b"application/grpc";

/// The label of a client's calls that has the gRPC method.
const METHOD_LABEL: &str = "grpc_method";

/// The layer that records the calls of a gRPC server; see [`GrpcLayer`].
///
/// # Examples
///
/// ```
/// use http::Request;
/// use monitor_core::{Monitor, StorageConfig};
/// use tonic::{Status, body::Body};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = service_fn(|_request: Request<Body>| async {
///     let status = Status::unavailable("the storage is away");
///     Ok::<_, std::convert::Infallible>(status.into_http::<Body>())
/// });
/// let monitor = Monitor::new(StorageConfig::default());
/// // Known before its first call; see `docs/grpc.md`.
/// monitor.method("greet.Greeter/Greet")?;
/// let service = monitor_tower::grpc().monitor(monitor).layer(service);
/// let request = Request::post("/greet.Greeter/Greet").header("content-type", "application/grpc");
/// service.oneshot(request.body(Body::empty())?).await?;
///
/// let snapshot = monitor.snapshot();
/// assert_eq!(&*snapshot.methods[0].name, "greet.Greeter/Greet");
/// let unavailable = snapshot.error_types.iter().position(|name| &**name == "grpc_unavailable").ok_or("it failed")?;
/// assert_eq!(snapshot.methods[0].errors[unavailable], 1);
/// # Ok(())
/// # }
/// ```
pub fn grpc() -> GrpcLayer {
    GrpcLayer {
        settings: Settings::new(CodeOutcome::of_server),
        time_limit: None,
    }
}

/// The layer that records the calls that a gRPC client makes, as the method `-> <name>` (cut after 120 bytes); see
/// [`GrpcClientLayer`].
pub fn grpc_client(name: impl Into<Cow<'static, str>>) -> GrpcClientLayer {
    GrpcClientLayer {
        settings: Settings::new(CodeOutcome::of_client),
        name: name.into(),
        has_method_label: false,
    }
}

/// What both layers know.
#[derive(Debug, Clone)]
struct Settings {
    monitor: Option<Monitor>,
    outcome: CodeRule,
    default_outcome: CodeRule,
    counters: Arc<MessageCounters>,
}

impl Settings {
    fn new(outcome: CodeRule) -> Self {
        Self {
            monitor: None,
            outcome,
            default_outcome: outcome,
            counters: Arc::default(),
        }
    }

    fn monitor(&self) -> Monitor {
        self.monitor.unwrap_or_else(Monitor::current)
    }
}

/// Records each request of a gRPC server as an entry call named `<package>.<service>/<method>`, from its arrival to its
/// trailers.
///
/// Made by [`grpc()`]. Give it to `Server::builder().layer(..)` of tonic, or to an axum router with tonic's routes. tonic's own
/// limits (`timeout`, `concurrency_limit_per_connection`, `load_shed`) stand around it: see `docs/grpc.md`.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing unless it is added to a service"]
pub struct GrpcLayer {
    settings: Settings,
    time_limit: Option<Duration>,
}

impl GrpcLayer {
    /// Records in this monitor, requests and the calls inside of them. By default they record in the monitor that is
    /// current where the request arrives, which is the global one outside of a scope.
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.settings.monitor = Some(monitor);
        self
    }

    /// Sets the meaning of codes; by default, and where this function panics, [`CodeOutcome::of_server`]. `UNIMPLEMENTED` of
    /// a method that the server does not have is no failure in any case, but expected.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_tower::CodeOutcome;
    /// use tonic::Code;
    ///
    /// let layer = monitor_tower::grpc().outcome(|code| match code {
    ///     Code::Aborted => CodeOutcome::Failure,
    ///     other => CodeOutcome::of_server(other),
    /// });
    /// # let _ = layer;
    /// ```
    pub fn outcome(mut self, outcome: fn(Code) -> CodeOutcome) -> Self {
        self.settings.outcome = outcome;
        self
    }

    /// Names the time limit that is given to tonic's `Server::timeout`: a call that is dropped after this time, and before its
    /// response, is a failure of the type `grpc_deadline_exceeded`. The layer cannot see that limit, and ends no call
    /// itself; without this, such calls are `cancelled`.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Starts the call of a request.
    fn start<B>(&self, request: &Request<B>) -> CallInFlight<GrpcReader> {
        let monitor = self.settings.monitor();
        let deadline = Deadline::of(request.headers(), self.time_limit);
        let mut reader = GrpcReader::new(&self.settings, monitor, deadline);
        reader.is_page = !is_grpc(request.headers());
        let path = request.uri().path();
        let name = method_name(path).filter(|_| !reader.is_page);
        let known = name.and_then(|name| monitor.known_method(name));
        if known.is_none() {
            reader.is_unmatched = true;
            reader.new_name = name.map(Into::into);
        }
        let method = known.unwrap_or_else(|| unmatched(monitor));
        let call = reader.begin(method, method.start_entry());
        let held = HeldCall::new(call, self.settings.monitor);
        CallInFlight { held, reader }
    }
}

impl GrpcLayer {
    /// Records a service that cannot take requests any more: the request that it would have got never arrives.
    fn not_ready(&self, outcome: Outcome<'_>) {
        let method = unmatched(self.settings.monitor());
        method.start_entry().finish(outcome);
    }
}

impl<S> Layer<S> for GrpcLayer {
    type Service = GrpcService<S>;

    fn layer(&self, inner: S) -> GrpcService<S> {
        GrpcService {
            inner,
            layer: self.clone(),
        }
    }
}

/// The name that a path may have: `greet.Greeter/Count` of `/greet.Greeter/Count`, cut after 120 bytes.
fn method_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let (service, method) = name.split_once('/')?;
    let is_name = !service.is_empty() && !method.is_empty() && !method.contains('/');
    is_name.then(|| cut(name, MAX_METHOD_NAME))
}

/// True if the head is of gRPC, or of gRPC-Web, which a layer outside of this one turns into gRPC.
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_start = |start: &[u8]| start.eq_ignore_ascii_case(GRPC);
    kind.and_then(|kind| kind.get(..GRPC.len()))
        .is_some_and(is_start)
}

fn unmatched(monitor: Monitor) -> Method {
    monitor.method(UNMATCHED).expect("a name of 11 bytes")
}

/// A server's service whose requests are recorded; made by [`GrpcLayer`].
///
/// The bodies of its responses have data of the type [`Bytes`], as tonic's and axum's have, since messages are counted in
/// contiguous bytes. With another type it is no service:
///
/// ```compile_fail
/// use std::collections::VecDeque;
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use http_body_util::Empty;
/// use tonic::body::Body;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// let service = service_fn(|_request: Request<Body>| async {
///     Ok::<_, Infallible>(Response::new(Empty::<VecDeque<u8>>::new()))
/// });
/// let _ = monitor_tower::grpc().layer(service).oneshot(Request::new(Body::empty()));
/// ```
#[derive(Debug, Clone)]
pub struct GrpcService<S> {
    inner: S,
    layer: GrpcLayer,
}

impl<S, B, R> Service<Request<B>> for GrpcService<S>
where
    S: Service<Request<tonic::body::Body>, Response = Response<R>>,
    S::Error: fmt::Display + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
{
    type Response = Response<MonitoredBody<R, GrpcReader>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, GrpcReader>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let Self { inner, layer } = self;
        let settings = &layer.settings;
        let poll = || inner.poll_ready(context);
        let ready = poll_ready(settings.monitor, poll, |panic| layer.not_ready(panic));
        if let Poll::Ready(Err(error)) = &ready {
            layer.not_ready(settings.outcome_of(settings.monitor(), error));
        }
        ready
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut call = self.layer.start(&request);
        let request = call.reader.counted(request);
        let inner = &mut self.inner;
        let future = call.held.run(|| inner.call(request));
        ResponseFuture::new(future, call)
    }
}

/// Records each call of a gRPC client as a call named `-> <name>`, whose caller is the current one, from its start to its
/// trailers.
///
/// Made by [`grpc_client`]. Put it around a tonic channel. An answer that tonic cannot decode is dropped in its middle, and its
/// call is `cancelled`, as one that the caller leaves.
///
/// # Examples
///
/// ```
/// use tonic::transport::Channel;
/// use tower::ServiceBuilder;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channel = Channel::from_static("http://localhost:50051").connect_lazy();
/// let channel = ServiceBuilder::new().layer(monitor_tower::grpc_client("dictionary")).service(channel);
/// // GreeterClient::new(channel)
/// # let _ = channel;
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing unless it is added to a service"]
pub struct GrpcClientLayer {
    settings: Settings,
    name: Cow<'static, str>,
    has_method_label: bool,
}

impl GrpcClientLayer {
    /// Records in this monitor; by default in the one that is current where the call is made.
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.settings.monitor = Some(monitor);
        self
    }

    /// Sets the meaning of codes; by default, and where this function panics, [`CodeOutcome::of_client`].
    pub fn outcome(mut self, outcome: fn(Code) -> CodeOutcome) -> Self {
        self.settings.outcome = outcome;
        self
    }

    /// Gives the calls the label `grpc_method`, such as `greet.Greeter/Count`. The storage's `max_series` holds.
    pub fn label_methods(mut self) -> Self {
        self.has_method_label = true;
        self
    }

    fn method(&self, monitor: Monitor, path: &str) -> Method {
        let method = method_of(monitor, "->", &self.name).expect("a name of 1 to 120 bytes");
        let name = method_name(path).filter(|_| self.has_method_label);
        let labelled = name.map(|name| method.with_labels(&[(METHOD_LABEL, name)]));
        labelled.and_then(Result::ok).unwrap_or(method)
    }

    fn start<B>(&self, request: &Request<B>) -> CallInFlight<GrpcReader> {
        let monitor = self.settings.monitor();
        let deadline = Deadline::of(request.headers(), None);
        let mut reader = GrpcReader::new(&self.settings, monitor, deadline);
        reader.is_client = true;
        let method = self.method(monitor, request.uri().path());
        let call = reader.begin(method, method.start());
        let held = HeldCall::new(call, self.settings.monitor);
        CallInFlight { held, reader }
    }
}

impl GrpcClientLayer {
    /// Records a channel that takes no requests any more: the request that is about to come never does.
    fn not_ready(&self, outcome: Outcome<'_>) {
        let method = self.method(self.settings.monitor(), "");
        method.start().finish(outcome);
    }
}

impl<S> Layer<S> for GrpcClientLayer {
    type Service = GrpcClientService<S>;

    fn layer(&self, inner: S) -> GrpcClientService<S> {
        GrpcClientService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A channel whose calls are recorded; made by [`GrpcClientLayer`].
#[derive(Debug, Clone)]
pub struct GrpcClientService<S> {
    inner: S,
    layer: GrpcClientLayer,
}

impl<S, B, R> Service<Request<B>> for GrpcClientService<S>
where
    S: Service<Request<tonic::body::Body>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
{
    type Response = Response<MonitoredBody<R, GrpcReader>>;
    type Error = BoxError;
    type Future = ResponseFuture<BoxErrorFuture<S::Future>, GrpcReader>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let Self { inner, layer } = self;
        let settings = &layer.settings;
        let poll = || inner.poll_ready(context).map_err(Into::into);
        let ready = poll_ready(settings.monitor, poll, |panic| layer.not_ready(panic));
        if let Poll::Ready(Err(error)) = &ready {
            layer.not_ready(settings.outcome_of(settings.monitor(), error));
        }
        ready
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut call = self.layer.start(&request);
        let request = call.reader.counted(request);
        let inner = &mut self.inner;
        let inner = call.held.run(|| inner.call(request));
        ResponseFuture::new(BoxErrorFuture { inner }, call)
    }
}

pin_project! {
    /// A future with its error in a box, where its sources can be read.
    #[derive(Debug)]
    pub struct BoxErrorFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F, T, E> Future for BoxErrorFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(context).map_err(Into::into)
    }
}

impl Settings {
    /// The outcome of a call that ended with this code.
    fn verdict(&self, code: Code) -> Verdict {
        CodeOutcome::by(self.outcome, self.default_outcome, code).verdict(code)
    }

    /// The outcome of a call that has an error in place of a response.
    fn outcome_of<'e, E: fmt::Display + 'static>(
        &self,
        monitor: Monitor,
        error: &'e E,
    ) -> Outcome<'e> {
        match code_of_error(error) {
            Some(code) => self.verdict(code).outcome(),
            None => outcome_of(monitor, error),
        }
    }
}

/// The time limits of a call.
#[derive(Debug)]
struct Deadline {
    /// If there is a limit.
    arrived: Option<Instant>,
    /// The client's, for the whole call.
    whole: Option<Duration>,
    /// The server's, up to the head of the response.
    head: Option<Duration>,
}

impl Deadline {
    fn of(request: &HeaderMap, head: Option<Duration>) -> Self {
        let whole = request.get("grpc-timeout");
        let whole = whole.and_then(|limit| grpc_timeout(limit.to_str().ok()?));
        let arrived = whole.or(head).map(|_| Instant::now());
        Self {
            arrived,
            whole,
            head,
        }
    }

    /// The client's time that is left.
    fn left(&self) -> Option<Duration> {
        Some(self.whole?.saturating_sub(self.arrived?.elapsed()))
    }

    /// True if the time is over. On a server, the client's clock began to run before the request arrived: so a client that
    /// leaves in the last tenth of its time, and in the last second, has no time left.
    fn is_over(&self, has_head: bool, is_client: bool) -> bool {
        let Some(arrived) = self.arrived else {
            return false;
        };
        let elapsed = arrived.elapsed();
        let on_the_way = |limit: Duration| (limit / 10).min(Duration::from_secs(1));
        let needed = |limit: Duration| {
            if is_client {
                limit
            } else {
                limit.saturating_sub(on_the_way(limit))
            }
        };
        let of_client = |limit| elapsed >= needed(limit);
        let of_server = |limit| !has_head && elapsed >= limit;
        self.whole.is_some_and(of_client) || self.head.is_some_and(of_server)
    }
}

/// The duration in a `grpc-timeout`: at most 8 digits and a unit.
fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Reads the outcome of a call off its head and trailers, and counts its messages.
#[derive(Debug)]
pub struct GrpcReader {
    settings: Settings,
    monitor: Monitor,
    deadline: Deadline,
    /// The path of a call that is unmatched, until the head tells whether it is a name.
    new_name: Option<Box<str>>,
    is_client: bool,
    /// True of a server's request that is not gRPC: it counts by its HTTP status, and has no messages.
    is_page: bool,
    is_unmatched: bool,
    /// Of the head, once there is one.
    status: Option<StatusCode>,
    code: Option<Code>,
    requests: Arc<MessageCount>,
    parser: MessageParser,
    responses: MessageCount,
}

impl GrpcReader {
    fn new(settings: &Settings, monitor: Monitor, deadline: Deadline) -> Self {
        Self {
            settings: settings.clone(),
            monitor,
            deadline,
            new_name: None,
            is_client: false,
            is_page: false,
            is_unmatched: false,
            status: None,
            code: None,
            requests: Arc::default(),
            parser: MessageParser::default(),
            responses: MessageCount::default(),
        }
    }

    /// Gives a call that has started its deadline and its counters.
    fn begin(&self, method: Method, mut call: CallGuard) -> CallGuard {
        call.deadline(self.deadline.left());
        if self.is_page {
            return call;
        }
        if let Some((received, sent)) = self.settings.counters.of(self.monitor, method.name()) {
            let (requests, responses) = if self.is_client {
                (sent, received)
            } else {
                (received, sent)
            };
            self.requests.count_with(requests);
            self.responses.count_with(responses);
        }
        call
    }

    /// A request whose messages are counted, if it has any.
    fn counted<B>(&self, request: Request<B>) -> Request<tonic::body::Body>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if self.is_page {
            return request.map(tonic::body::Body::new);
        }
        let count = Arc::clone(&self.requests);
        request.map(|body| tonic::body::Body::new(CountedBody::new(body, count)))
    }

    fn verdict(&self, code: Code) -> Verdict {
        match self.settings.verdict(code) {
            Verdict::Failure(name) if self.is_unmatched && code == Code::Unimplemented => {
                Verdict::Expected(name)
            }
            verdict => verdict,
        }
    }

    fn by_head_and_trailers(&self) -> Verdict {
        let status = self.status.unwrap_or_default();
        match self.code {
            Some(code) => self.verdict(code),
            None if self.is_page => StatusOutcome::of(status).verdict(status),
            None => self.verdict(code_of_status(status)),
        }
    }

    /// True if a client left while the server read its stream. tonic gives the handler an error, or the end of the stream.
    fn is_deserted(&self) -> bool {
        !self.is_client && self.requests.is_broken()
    }

    /// The outcome of a call whose client left.
    fn left_by_client(&self) -> Verdict {
        self.late().unwrap_or(Verdict::Cancelled)
    }

    /// The outcome of a call that was given up, if its time is over.
    fn late(&self) -> Option<Verdict> {
        let has_head = self.status.is_some();
        let is_over = self.deadline.is_over(has_head, self.is_client);
        is_over.then(|| self.verdict(Code::DeadlineExceeded))
    }
}

impl ReadResponse for GrpcReader {
    fn head<B>(&mut self, response: &Response<B>) -> Rest {
        self.status = Some(response.status());
        self.code = code_in(response.headers());
        let is_answered = is_grpc(response.headers())
            && response.status() == StatusCode::OK
            && self.code.is_none();
        if let Some(name) = self.new_name.take().filter(|_| is_answered) {
            // One more than the monitor takes: its calls remain unmatched.
            let _ = self.monitor.method(&name);
        }
        Rest::Body
    }

    fn data(&mut self, data: &impl Buf) {
        if self.is_page {
            return;
        }
        // Whole, as the layers take bodies of `Bytes` alone.
        self.responses.add(&self.parser.read(data.chunk()));
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        self.code = code_in(trailers).or(self.code);
    }

    fn ended(&self) -> Verdict {
        match self.by_head_and_trailers() {
            // The request is wrong: tonic answers `UNIMPLEMENTED` to an unknown page and `INTERNAL` to GET of a method.
            Verdict::Failure(name) if self.is_page && self.code.is_some() => {
                Verdict::Expected(name)
            }
            Verdict::Failure(_) if self.is_deserted() => self.left_by_client(),
            verdict => verdict,
        }
    }

    fn broken(&self) -> Verdict {
        if self.is_deserted() {
            self.left_by_client()
        } else {
            Verdict::Failure(BROKEN_BODY)
        }
    }

    fn dropped(&self, begun: bool) -> Option<Verdict> {
        // The body of a page that answers HEAD is asked for no frame.
        if self.code.is_some() || self.is_page && !begun {
            return Some(self.ended());
        }
        self.late()
    }

    fn unanswered(&self) -> Option<Verdict> {
        self.late().filter(|_| self.status.is_none())
    }

    fn response_size(&self, body: u64) -> u64 {
        if self.is_page {
            return body;
        }
        self.responses.bytes()
    }

    fn note(&self, call: &mut CallGuard) {
        self.requests.flush();
        let bytes = self.requests.bytes();
        if bytes > 0 {
            call.request_size(bytes);
        }
    }
}

impl<E: fmt::Display + 'static> ReadError<E> for GrpcReader {
    fn error<'e>(&self, error: &'e E) -> Outcome<'e> {
        self.settings.outcome_of(self.monitor, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_service_and_a_method_are_a_name() {
        assert_eq!(
            method_name("/greet.Greeter/Count"),
            Some("greet.Greeter/Count")
        );
        let long = format!("/greet.Greeter/{}", "x".repeat(120));
        assert_eq!(method_name(&long), Some(&long[1..=120]));
        for path in ["", "/", "//", "/a", "/a/", "//b", "/a/b/c", "a/b", "*"] {
            assert_eq!(method_name(path), None, "{path:?}");
        }
    }

    #[test]
    fn a_timeout_has_up_to_eight_digits_and_a_unit() {
        assert_eq!(grpc_timeout("3H"), Some(Duration::from_secs(10_800)));
        assert_eq!(grpc_timeout("2M"), Some(Duration::from_secs(120)));
        assert_eq!(grpc_timeout("42S"), Some(Duration::from_secs(42)));
        assert_eq!(grpc_timeout("13m"), Some(Duration::from_millis(13)));
        assert_eq!(grpc_timeout("2u"), Some(Duration::from_micros(2)));
        assert_eq!(
            grpc_timeout("99999999n"),
            Some(Duration::from_nanos(99_999_999))
        );
        for bad in ["", "S", "1", "123456789H", "+1S", "-1S", "1.5S", "1s", "1µ"] {
            assert_eq!(grpc_timeout(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_client_may_leave_a_while_before_its_time_is_over_and_the_servers_limit_is_exact() {
        let ago = |millis| Instant::now().checked_sub(Duration::from_millis(millis));
        let of = |whole, head, arrived| Deadline {
            arrived: ago(arrived),
            whole,
            head,
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert!(of(seconds(10), None, 9_000).is_over(true, false));
        assert!(!of(seconds(10), None, 8_000).is_over(true, false));
        assert!(of(seconds(20), None, 19_000).is_over(true, false));
        assert!(!of(seconds(20), None, 18_000).is_over(true, false));
        assert!(!of(seconds(10), None, 9_000).is_over(true, true));
        assert!(of(seconds(10), None, 10_000).is_over(true, true));
        assert!(!of(None, seconds(10), 9_000).is_over(false, false));
        assert!(of(None, seconds(10), 10_000).is_over(false, false));
        assert!(!of(None, seconds(10), 10_000).is_over(true, false));
        assert!(of(seconds(10), seconds(1), 1_000).is_over(false, false));
    }

    /// The outcomes of two calls with a time limit of 10 s, dropped after these times.
    fn left_at(start: impl Fn(&Request<()>) -> CallInFlight<GrpcReader>) -> [Option<Verdict>; 2] {
        let request = Request::post("/a/b").header("grpc-timeout", "10S");
        let request = request.header(CONTENT_TYPE, "application/grpc").body(());
        let request = request.expect("a request");
        [9_050, 10_000].map(|millis| {
            let mut call = start(&request);
            let arrived = Instant::now().checked_sub(Duration::from_millis(millis));
            call.reader.deadline.arrived = arrived;
            call.reader.unanswered()
        })
    }

    #[test]
    fn a_caller_that_drops_its_own_call_before_its_time_is_over_has_cancelled_it() {
        let monitor = Monitor::new(monitor_core::StorageConfig::default());
        let late = Some(Verdict::Failure("grpc_deadline_exceeded"));
        let server = grpc().monitor(monitor);
        assert_eq!(left_at(|request| server.start(request)), [late, late]);
        let client = grpc_client("dictionary").monitor(monitor);
        assert_eq!(left_at(|request| client.start(request)), [None, late]);
    }
}
