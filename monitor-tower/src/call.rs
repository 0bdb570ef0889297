//! One call from the arrival of a request to the end of its response: shared by HTTP and gRPC, by servers and clients.
//!
//! # The life of a call
//!
//! A layer starts the call and gives it to a [`ResponseFuture`], which polls the future of the inner service. When that
//! returns a response, the call moves into the response's [`MonitoredBody`] and ends there: with the last frame, the
//! trailers, an error, or the drop of the body. Until then it is in flight.
//!
//! The call is the current one of its thread while code of the inner service runs, and only then. During a poll the guard
//! stands on the stack ([`HeldCall::run`]): a panic of the service drops it there, so the call counts as a panic, also
//! where a layer outside catches it. The same holds for destructors of the service's future and body. Between two polls it stands in the [`HeldCall`]: a drop comes from outside then, and the call is
//! cancelled, even if another part of the task panics.
//!
//! # The outcome
//!
//! A protocol reads the outcome off the response by a [`ReadResponse`] that travels with the call: HTTP off the status,
//! gRPC off the trailers.
//!
//! # Bodies that are not read to their end
//!
//! A server does not poll a body that is at its end ([`Body::is_end_stream`]), and may drop one of a known length after
//! its last byte. So a call ends as soon as its body is at its end, and a body that is dropped behind all the bytes of
//! its exact size is complete. Where the body has no exact size, the `content-length` of the head is the size: a server
//! sends so many bytes over HTTP/1, and drops the body. A body that ends before is a broken response: the server has to
//! break the connection.
//!
//! # Sizes
//!
//! The size of a request is the length of its body, where that is known when it arrives; to count other bodies the service
//! would have to take another type of body. The size of a response is the sum of its data frames. An empty body has no
//! size: most requests have none, and zeros would hide the sizes of the others.
//!
//! # Names
//!
//! A method is found by its name, which a verb and a pattern make. As writing that name and looking it up costs more than
//! the rest of a call's start, a thread keeps the methods of its last requests, at most 64, each in a place that depends on its
//! verb and its pattern. A kept method serves only the monitor and the name that it was found by; another request of the
//! same place is looked up and takes the place over. A name that is cut, and one past the storage's limit of methods, is
//! always looked up.

use std::cell::Cell;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use monitor_core::{CallGuard, Method, MethodError, Monitor, Outcome};
use pin_project_lite::pin_project;

/// The longest name of a method, in bytes.
pub(crate) const MAX_METHOD_NAME: usize = 120;

/// The methods that a thread keeps: 1 KiB.
const KEPT_METHODS: usize = 64;

thread_local! {
    static NAME: Cell<String> = const { Cell::new(String::new()) };
    /// The methods of the thread's last requests, each with the monitor it was found in.
    static KEPT: [Cell<Option<(Monitor, Method)>>; KEPT_METHODS] =
        const { [const { Cell::new(None) }; KEPT_METHODS] };
}

/// A request is borrowed by the closure that hands it to the service, and taken out there: one that is moved into closures
/// within closures would be copied into each.
pub(crate) const ONCE: &str = "a request is handed to the service once";

/// The method named `<verb> <pattern>`, cut after 120 bytes. Nothing is allocated but for a name that is new to the thread's
/// monitor, or longer than all before.
pub(crate) fn method_of(
    monitor: Monitor,
    verb: &str,
    pattern: &str,
) -> Result<Method, MethodError> {
    if let Some(method) = kept_method(monitor, verb, pattern) {
        return Ok(method);
    }
    let method = find_method(monitor, verb, pattern)?;
    // Not kept where the thread is about to end.
    let _ = KEPT.try_with(|kept| kept[place_of(verb, pattern)].set(Some((monitor, method))));
    Ok(method)
}

/// The method of a verb and a pattern, if the thread keeps it.
#[inline]
fn kept_method(monitor: Monitor, verb: &str, pattern: &str) -> Option<Method> {
    let kept = KEPT.try_with(|kept| kept[place_of(verb, pattern)].get());
    let (owner, method) = kept.ok().flatten()?;
    (owner == monitor && is_named(method.name(), verb, pattern)).then_some(method)
}

/// The place of a verb and a pattern. The pattern of a route mostly stands at one address, which is as good as a hash of its
/// text; at another address the method is only looked up again.
fn place_of(verb: &str, pattern: &str) -> usize {
    let first = verb.as_bytes().first().copied().unwrap_or_default();
    (pattern.as_ptr().addr() / 16 + usize::from(first) + verb.len()) % KEPT_METHODS
}

/// True if this is the whole name of the verb and the pattern.
fn is_named(name: &str, verb: &str, pattern: &str) -> bool {
    let rest = name.strip_prefix(verb);
    rest.and_then(|rest| rest.strip_prefix(' ')) == Some(pattern)
}

/// The method of a verb and a pattern, looked up by name.
#[cold]
fn find_method(monitor: Monitor, verb: &str, pattern: &str) -> Result<Method, MethodError> {
    // Empty where the thread is about to end.
    let mut name = NAME.try_with(Cell::take).unwrap_or_default();
    name.clear();
    for part in [verb, " ", pattern] {
        name.push_str(cut(part, MAX_METHOD_NAME - name.len()));
    }
    let method = monitor.method(&name);
    let _ = NAME.try_with(|kept| kept.set(name));
    method
}

/// The longest beginning of a text that has at most so many bytes.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Records the size of a request whose body's length is known.
pub(crate) fn note_size(call: &mut CallGuard, body: &impl Body) {
    if let Some(bytes) = body.size_hint().exact().filter(|bytes| *bytes > 0) {
        call.request_size(bytes);
    }
}

/// The length that the head of a message announces for its body, if it is valid there.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    // Beside this header a length has no meaning.
    if headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The outcome of a call as a protocol reads it off a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A success.
    Success,
    /// A failure of this type.
    Failure(&'static str),
    /// An expected failure of this type.
    Expected(&'static str),
    /// The caller gave the call up.
    Cancelled,
}

impl Verdict {
    /// The verdict of a response whose body broke: a failure by its head remains one.
    pub(crate) fn or_broken(self, broken: &'static str) -> Self {
        match self {
            Self::Failure(_) => self,
            _ => Self::Failure(broken),
        }
    }

    pub(crate) fn outcome(self) -> Outcome<'static> {
        match self {
            Self::Success => Outcome::Success,
            Self::Failure(name) => Outcome::ErrorType(name),
            Self::Expected(name) => Outcome::Expected(name),
            Self::Cancelled => Outcome::Cancelled,
        }
    }
}

/// Asks a service whether it is ready, as a part of what the layer records: in the monitor that it was given, if any. A
/// panic is recorded, and goes on.
pub(crate) fn poll_ready<T>(
    scope: Option<Monitor>,
    poll: impl FnOnce() -> T,
    record_panic: impl FnOnce(Outcome<'_>),
) -> T {
    let in_scope = || match scope {
        Some(monitor) => monitor.scope_sync(poll),
        None => poll(),
    };
    catch_unwind(AssertUnwindSafe(in_scope)).unwrap_or_else(|panic| {
        record_panic(Outcome::Panic);
        resume_unwind(panic)
    })
}

/// The part of a response behind its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// No byte follows, whatever the body has: the call ends with the head.
    Nothing,
    /// The body, to its end.
    Body,
}

/// The outcome of a call, read off its response. One value for each call: it travels with the call, and keeps the facts
/// it has read.
pub trait ReadResponse {
    /// Reads the head.
    fn head<B>(&mut self, response: &Response<B>) -> Rest;

    /// Takes the call where it lasts longer than the response (an upgraded connection), else gives it back.
    fn take_over(&mut self, call: HeldCall) -> Option<HeldCall> {
        Some(call)
    }

    /// The length of a body that has no exact size, where the head announces one.
    fn announced_length(&self, headers: &HeaderMap) -> Option<u64> {
        let _ = headers;
        None
    }

    /// Reads a data frame of the body.
    fn data(&mut self, data: &impl Buf) {
        let _ = data;
    }

    /// Reads the trailers, which end the body.
    fn trailers(&mut self, trailers: &HeaderMap) {
        let _ = trailers;
    }

    /// The outcome of a response that came to its end.
    fn ended(&self) -> Verdict;

    /// The outcome of a response whose body ended with an error.
    fn broken(&self) -> Verdict;

    /// The outcome of a response whose body ended before its length.
    fn cut_short(&self) -> Verdict {
        self.ended()
    }

    /// The outcome of a response that is dropped before its end, `begun` if its body was asked for a frame; if there is
    /// none, it is cancelled.
    fn dropped(&self, begun: bool) -> Option<Verdict>;

    /// The outcome of a call that is dropped before its response has a head; if there is none, it is cancelled.
    fn unanswered(&self) -> Option<Verdict> {
        None
    }

    /// The size of the response, of whose body so many bytes were seen.
    fn response_size(&self, body: u64) -> u64 {
        body
    }

    /// Adds the numbers of the protocol to the call, which is about to end.
    fn note(&self, call: &mut CallGuard) {
        let _ = call;
    }
}

/// The outcome of a call whose service returns an error instead of a response.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not read the error `{E}` of the service",
    label = "the layer cannot tell the type of `{E}`",
    note = "around a service whose error is a `Box<dyn Error + Send + Sync>` add `.boxed_errors()` to the layer: \
            `client(\"name\").boxed_errors()`",
    note = "other errors of a client implement `std::error::Error`, and those of a server `Display`"
)]
pub trait ReadError<E> {
    /// Reads the error.
    fn error<'e>(&self, error: &'e E) -> Outcome<'e>;
}

/// A call, except while the code of its service runs. Empty once the call is over.
#[derive(Debug)]
pub struct HeldCall {
    call: Option<CallGuard>,
    /// The monitor that the user gave to the layer: the calls of the service record there too.
    scope: Option<Monitor>,
}

impl HeldCall {
    /// That of a call that is over, or goes on elsewhere.
    const OVER: Self = Self {
        call: None,
        scope: None,
    };

    pub(crate) fn new(call: CallGuard, scope: Option<Monitor>) -> Self {
        Self {
            call: Some(call),
            scope,
        }
    }

    /// Runs code of the service as a part of the call, which ends with a panic of that code.
    #[inline]
    pub(crate) fn run<R>(&mut self, run: impl FnOnce() -> R) -> R {
        let call = self.call.take();
        let in_call = || match &call {
            Some(call) => call.run(run),
            None => run(),
        };
        let value = match self.scope {
            Some(monitor) => monitor.scope_sync(in_call),
            None => in_call(),
        };
        self.call = call;
        value
    }

    /// The call, if it is not over; it then is the caller's to end.
    pub(crate) fn take(&mut self) -> Option<CallGuard> {
        self.call.take()
    }

    /// Ends the call.
    pub(crate) fn finish(&mut self, outcome: Outcome<'_>) {
        if let Some(call) = self.take() {
            call.finish(outcome);
        }
    }
}

impl Drop for HeldCall {
    fn drop(&mut self) {
        let Some(call) = self.take() else { return };
        // A guard counts as a panic if it is dropped by one, and this panic is another's.
        if std::thread::panicking() {
            call.finish(Outcome::Cancelled);
        }
    }
}

/// A call and the part that reads its outcome.
#[derive(Debug)]
pub struct CallInFlight<R: ReadResponse> {
    pub(crate) held: HeldCall,
    pub(crate) reader: R,
}

impl<R: ReadResponse> CallInFlight<R> {
    fn finish(&mut self, verdict: Verdict, response_bytes: u64) {
        if let Some(mut call) = self.held.take() {
            if response_bytes > 0 {
                call.response_size(self.reader.response_size(response_bytes));
            }
            self.reader.note(&mut call);
            call.finish(verdict.outcome());
        }
    }

    /// Ends the call of a service that returned an error.
    fn fail<E>(&mut self, error: &E)
    where
        R: ReadError<E>,
    {
        if let Some(mut call) = self.held.take() {
            self.reader.note(&mut call);
            call.finish(self.reader.error(error));
        }
    }
}

/// Ends a call that is dropped without a response, or in the middle of one. If no outcome is decided, the guard finds it.
impl<R: ReadResponse> Drop for CallInFlight<R> {
    fn drop(&mut self) {
        let Some(call) = &mut self.held.call else {
            return;
        };
        self.reader.note(call);
        if let Some(verdict) = self.reader.unanswered() {
            self.held.finish(verdict.outcome());
        }
    }
}

/// A response that a call can go on in.
pub trait MonitoredResponse<R: ReadResponse> {
    /// The same response with the call.
    type Monitored;

    /// Reads the head. The call ends with it, or goes on in the body.
    fn monitored(self, call: CallInFlight<R>) -> Self::Monitored;
}

impl<B: Body, R: ReadResponse> MonitoredResponse<R> for Response<B> {
    type Monitored = Response<MonitoredBody<B, R>>;

    #[inline]
    fn monitored(self, mut call: CallInFlight<R>) -> Self::Monitored {
        let rest = call.reader.head(&self);
        let held = mem::replace(&mut call.held, HeldCall::OVER);
        call.held = call.reader.take_over(held).unwrap_or(HeldCall::OVER);
        if rest == Rest::Nothing || self.body().is_end_stream() {
            let verdict = call.reader.ended();
            call.finish(verdict, 0);
        }
        let left = self.body().size_hint().exact();
        let left = left.or_else(|| call.reader.announced_length(self.headers()));
        self.map(|body| MonitoredBody::new(body, call, left))
    }
}

pin_project! {
    /// The future of a monitored service: a response whose body ends the call.
    ///
    /// `F` is the future of the inner service, and `R` reads the outcome ([`HttpReader`](crate::HttpReader) and its like).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, R: ReadResponse> {
        // Taken only when it is dropped.
        #[pin]
        inner: Option<F>,
        call: Option<CallInFlight<R>>,
    }

    impl<F, R: ReadResponse> PinnedDrop for ResponseFuture<F, R> {
        /// Destructors of the service are a part of the call.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(call) = this.call {
                call.held.run(|| this.inner.set(None));
            }
        }
    }
}

impl<F, R: ReadResponse> ResponseFuture<F, R> {
    pub(crate) fn new(inner: F, call: CallInFlight<R>) -> Self {
        Self {
            inner: Some(inner),
            call: Some(call),
        }
    }
}

impl<F, R, T, E> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<T, E>>,
    R: ReadResponse + ReadError<E>,
    T: MonitoredResponse<R>,
{
    type Output = Result<T::Monitored, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (Some(inner), Some(call)) = (this.inner.as_pin_mut(), this.call.as_mut()) else {
            // Polled after its end.
            return Poll::Pending;
        };
        // Set, and not returned through the closures, each of which would copy the response.
        let mut polled = Poll::Pending;
        call.held.run(|| polled = inner.poll(context));
        let Poll::Ready(result) = polled else {
            return Poll::Pending;
        };
        let Some(mut call) = this.call.take() else {
            return Poll::Pending;
        };
        Poll::Ready(match result {
            Ok(response) => Ok(response.monitored(call)),
            Err(error) => {
                call.fail(&error);
                Err(error)
            }
        })
    }
}

impl<F, R: ReadResponse> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// A call whose response's body is on its way.
#[derive(Debug)]
struct BodyCall<R: ReadResponse> {
    call: CallInFlight<R>,
    /// Bytes of data frames so far.
    bytes: u64,
    /// Bytes that are missing of a body of a known length.
    left: Option<u64>,
    /// Whether it was asked for a frame.
    is_begun: bool,
}

impl<R: ReadResponse> BodyCall<R> {
    fn finish(&mut self, verdict: Verdict) {
        self.call.finish(verdict, self.bytes);
    }

    /// The outcome of a body that has no further frame.
    fn at_end(&self) -> Verdict {
        if self.left.is_some_and(|left| left > 0) {
            self.call.reader.cut_short()
        } else {
            self.call.reader.ended()
        }
    }

    /// Reads a frame; true if it is the last one.
    fn read<D: Buf>(&mut self, frame: &Frame<D>) -> bool {
        if let Some(data) = frame.data_ref() {
            let bytes = data.remaining() as u64;
            self.bytes += bytes;
            self.left = self.left.map(|left| left.saturating_sub(bytes));
            self.call.reader.data(data);
        } else if let Some(trailers) = frame.trailers_ref() {
            self.call.reader.trailers(trailers);
        }
        frame.is_trailers()
    }
}

impl<R: ReadResponse> Drop for BodyCall<R> {
    fn drop(&mut self) {
        let reader = &self.call.reader;
        let decided = if self.left == Some(0) {
            Some(reader.ended())
        } else {
            reader.dropped(self.is_begun)
        };
        if let Some(verdict) = decided {
            self.finish(verdict);
        } else if let Some(call) = self.call.held.call.as_mut().filter(|_| self.bytes > 0) {
            // Cancelled, or out of time: the guard finds that out.
            call.response_size(reader.response_size(self.bytes));
        }
    }
}

pin_project! {
    /// The body of a response: the same body, whose end is the end of the call.
    ///
    /// `R` reads the outcome ([`HttpReader`](crate::HttpReader) and its like). A body by `default` is that of no call.
    ///
    /// # Examples
    ///
    /// A service whose type is written out:
    ///
    /// ```
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use monitor_tower::{HttpReader, HttpService, MonitoredBody};
    /// use tower::{Service, ServiceExt};
    ///
    /// type Words = Full<&'static [u8]>;
    ///
    /// async fn answer<S>(service: HttpService<S>) -> Result<Response<MonitoredBody<Words, HttpReader>>, S::Error>
    /// where
    ///     S: Service<Request<Words>, Response = Response<Words>>,
    ///     S::Error: std::fmt::Display + 'static,
    /// {
    ///     service.oneshot(Request::new(Words::default())).await
    /// }
    /// ```
    pub struct MonitoredBody<B, R: ReadResponse> {
        // Taken only when it is dropped.
        #[pin]
        inner: Option<B>,
        call: Option<BodyCall<R>>,
    }

    impl<B, R: ReadResponse> PinnedDrop for MonitoredBody<B, R> {
        /// Destructors of the body are a part of the call.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(body) = this.call {
                body.call.held.run(|| this.inner.set(None));
            }
        }
    }
}

/// Some layers make an empty body by default in place of a response's.
impl<B: Default, R: ReadResponse> Default for MonitoredBody<B, R> {
    fn default() -> Self {
        Self {
            inner: Some(B::default()),
            call: None,
        }
    }
}

impl<B: Body, R: ReadResponse> MonitoredBody<B, R> {
    fn new(inner: B, call: CallInFlight<R>, left: Option<u64>) -> Self {
        let call = call.held.call.is_some().then_some(BodyCall {
            call,
            bytes: 0,
            left,
            is_begun: false,
        });
        Self {
            inner: Some(inner),
            call,
        }
    }
}

impl<B: Body, R: ReadResponse> Body for MonitoredBody<B, R> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(mut inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(call) = this.call else {
            return inner.poll_frame(context);
        };
        call.is_begun = true;
        let Poll::Ready(frame) = call.call.held.run(|| inner.as_mut().poll_frame(context)) else {
            return Poll::Pending;
        };
        let verdict = match &frame {
            Some(Ok(frame)) => {
                let is_last = call.read(frame) || inner.is_end_stream();
                is_last.then(|| call.call.reader.ended())
            }
            Some(Err(_)) => Some(call.call.reader.broken()),
            None => Some(call.at_end()),
        };
        if let Some(verdict) = verdict {
            call.finish(verdict);
            *this.call = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.as_ref();
        inner.map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B, R: ReadResponse> fmt::Debug for MonitoredBody<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitoredBody").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use monitor_core::StorageConfig;

    use super::*;

    /// The names of a monitor's methods with the number of calls of each.
    fn started(monitor: Monitor) -> Vec<(String, u64)> {
        let methods = monitor.snapshot().methods;
        let started = methods
            .iter()
            .map(|method| (method.name.to_string(), method.started));
        started.collect()
    }

    fn request(monitor: Monitor, verb: &str, pattern: &str) {
        let call = method_of(monitor, verb, pattern)
            .expect("a name")
            .start_entry();
        call.finish(Outcome::Success);
    }

    #[test]
    fn a_method_is_kept_after_its_first_request() {
        let monitor = Monitor::new(StorageConfig::default());
        assert!(kept_method(monitor, "GET", "/kept").is_none());
        request(monitor, "GET", "/kept");
        let kept = kept_method(monitor, "GET", "/kept").expect("kept");
        assert_eq!(kept.name(), "GET /kept");
        assert!(kept_method(monitor, "PUT", "/kept").is_none());
    }

    #[test]
    fn a_kept_method_serves_no_other_monitor() {
        let monitors = [(); 2].map(|()| Monitor::new(StorageConfig::default()));
        for _ in 0..3 {
            for monitor in monitors {
                request(monitor, "GET", "/shared");
            }
        }
        for monitor in monitors {
            assert_eq!(started(monitor), [("GET /shared".to_owned(), 3)]);
        }
    }

    #[test]
    fn patterns_of_one_place_keep_their_own_methods() {
        let monitor = Monitor::new(StorageConfig::default());
        // The places are in turn, one for each 16 bytes.
        let round = 16 * KEPT_METHODS;
        let text = ["/first", "/other", "/third"].map(|pattern| format!("{pattern:<round$}"));
        let text = text.concat();
        let patterns = [0, 1, 2].map(|number| &text[number * round..][..6]);
        let places = patterns.map(|pattern| place_of("GET", pattern));
        assert_eq!(places, [places[0]; 3]);
        for _ in 0..2 {
            for pattern in patterns {
                request(monitor, "GET", pattern);
                request(monitor, "GET", pattern);
            }
        }
        let expected: Vec<_> = patterns
            .iter()
            .map(|pattern| (format!("GET {pattern}"), 4))
            .collect();
        assert_eq!(started(monitor), expected);
    }

    /// One address for texts of which each is the beginning of the next, and verbs that give the same place.
    #[test]
    fn neither_the_address_nor_the_place_alone_finds_a_method() {
        let monitor = Monitor::new(StorageConfig::default());
        let text = "/users/{id}/orders";
        let requests = [
            ("GET", &text[..6]),
            ("GET", &text[..11]),
            ("GET", text),
            ("GOT", text),
            ("G", text),
        ];
        assert_eq!(place_of("GET", text), place_of("GOT", &text[..6]));
        for (verb, pattern) in requests.into_iter().chain(requests) {
            request(monitor, verb, pattern);
        }
        let mut found = started(monitor);
        found.sort();
        let mut expected = requests.map(|(verb, pattern)| (format!("{verb} {pattern}"), 2));
        expected.sort();
        assert_eq!(found, expected);
    }

    /// The verb and the pattern are told apart by the space between them, and only the whole name counts.
    #[test]
    fn only_the_whole_name_is_the_name() {
        assert!(is_named("GET /a", "GET", "/a"));
        for name in ["GET /", "GET /ab", "GET", "GET/a", "PUT /a", "overflow", ""] {
            assert!(!is_named(name, "GET", "/a"), "{name}");
        }
    }

    #[test]
    fn a_cut_name_and_one_past_the_limit_are_looked_up_each_time() {
        let mut config = StorageConfig::default();
        config.max_methods = 1;
        let monitor = Monitor::new(config);
        let long = "/long".repeat(100);
        for _ in 0..2 {
            request(monitor, "GET", &long);
            request(monitor, "GET", "/too-many");
        }
        assert!(kept_method(monitor, "GET", &long).is_none());
        assert!(kept_method(monitor, "GET", "/too-many").is_none());
        let snapshot = monitor.snapshot();
        assert_eq!(snapshot.values.overflowed_updates, 2);
        let cut = format!("GET {long}")[..MAX_METHOD_NAME].to_owned();
        assert_eq!(started(monitor), [(cut, 2), ("overflow".to_owned(), 2)]);
    }

    #[test]
    fn more_methods_than_places_are_all_found() {
        let monitor = Monitor::new(StorageConfig::default());
        let patterns: Vec<_> = (0..4 * KEPT_METHODS)
            .map(|number| format!("/many/{number}"))
            .collect();
        for _ in 0..2 {
            for pattern in &patterns {
                request(monitor, "GET", pattern);
            }
        }
        let started = started(monitor);
        assert_eq!(started.len(), patterns.len());
        assert!(started.iter().all(|(_, calls)| *calls == 2));
    }
}
