//! The layer for HTTP clients: a call for each outgoing request, under the name of the service that it goes to.
//!
//! The call is made from the current one. It starts with the request and lasts until the response's body is at its end; a
//! body that its owner drops without asking for a frame is at its end too, as the owner wanted the status alone.
//!
//! # The outcome
//!
//! By status, as for servers ([`StatusOutcome`]), and by the error where there is no response (errors.rs).

use std::borrow::Cow;
use std::error::Error;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use http_body::Body;
use monitor_core::{Method, Monitor, Outcome};
use tower_layer::Layer;
use tower_service::Service;

use crate::call::{
    CallInFlight, HeldCall, MonitoredResponse, ONCE, ReadError, ReadResponse, ResponseFuture, Rest,
    Verdict, method_of, poll_ready,
};
use crate::errors::{BoxError, outcome_of_error};
use crate::http::{BROKEN_BODY, StatusOutcome, StatusRule};

/// The layer that records the outgoing requests of an HTTP client as calls of the method `-> <name>`; see
/// [`ClientLayer`]. The name is one of a closed set, such as that of the service which the requests go to.
pub fn client(name: impl Into<Cow<'static, str>>) -> ClientLayer {
    ClientLayer {
        settings: Settings {
            name: name.into(),
            monitor: None,
            outcome: StatusOutcome::of,
            has_hosts: false,
        },
        errors: PhantomData,
    }
}

/// Records each outgoing request of an HTTP client, from its start to the end of the response's body.
///
/// Made by [`client`]. It fits clients of `http::Request` and `http::Response`, such as that of `hyper-util`, and with the
/// feature `reqwest` those of `reqwest`. The calls are made from the call that is current where the request starts.
///
/// # Examples
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::Empty;
/// use monitor_core::{Monitor, StorageConfig};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // In place of a client of `hyper-util`.
/// let dictionary = service_fn(|_request: Request<Empty<&'static [u8]>>| async {
///     Ok::<_, std::io::Error>(Response::new(Empty::<&'static [u8]>::new()))
/// });
/// let monitor = Monitor::new(StorageConfig::default());
/// let dictionary = monitor_tower::client("dictionary").monitor(monitor).layer(dictionary);
/// dictionary.oneshot(Request::get("http://dictionary/whale").body(Empty::new())?).await?;
/// assert_eq!(&*monitor.snapshot().methods[0].name, "-> dictionary");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a layer does nothing unless it is added to a service"]
pub struct ClientLayer<E = StdErrors> {
    settings: Settings,
    errors: PhantomData<fn() -> E>,
}

#[derive(Debug, Clone)]
struct Settings {
    name: Cow<'static, str>,
    monitor: Option<Monitor>,
    outcome: StatusRule,
    has_hosts: bool,
}

/// Of a [`ClientLayer`]: the client's error is a std error, as that of a client itself is.
#[derive(Debug, Clone, Copy)]
pub enum StdErrors {}

/// Of a [`ClientLayer`]: the client's error is a `Box<dyn Error + Send + Sync>`, as behind layers of `tower`.
#[derive(Debug, Clone, Copy)]
pub enum BoxedErrors {}

impl<E> ClientLayer<E> {
    /// Records in this monitor. By default calls record in the monitor that is current where the request starts.
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.settings.monitor = Some(monitor);
        self
    }

    /// Sets the meaning of statuses; by default [`StatusOutcome::of`].
    pub fn outcome(mut self, outcome: fn(StatusCode) -> StatusOutcome) -> Self {
        self.settings.outcome = outcome;
        self
    }

    /// Gives the calls the label `host`, the host of the request's URI. A method has at most `max_series` hosts; the calls
    /// to further ones have the label `overflow="true"`.
    pub fn label_hosts(mut self) -> Self {
        self.settings.has_hosts = true;
        self
    }

    /// For a client whose error is boxed, as behind layers of `tower` such as its time limit.
    pub fn boxed_errors(self) -> ClientLayer<BoxedErrors> {
        ClientLayer {
            settings: self.settings,
            errors: PhantomData,
        }
    }
}

impl<E> Clone for ClientLayer<E> {
    fn clone(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            errors: PhantomData,
        }
    }
}

impl<S, E> Layer<S> for ClientLayer<E> {
    type Service = ClientService<S, E>;

    fn layer(&self, inner: S) -> ClientService<S, E> {
        ClientService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A client whose requests are recorded; made by [`ClientLayer`].
#[derive(Debug)]
pub struct ClientService<S, E = StdErrors> {
    inner: S,
    layer: ClientLayer<E>,
}

impl<S: Clone, E> Clone for ClientService<S, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S, Q, E> Service<Q> for ClientService<S, E>
where
    S: Service<Q>,
    Q: OutgoingRequest,
    S::Response: MonitoredResponse<ClientReader<E>>,
    ClientReader<E>: ReadError<S::Error>,
{
    type Response = <S::Response as MonitoredResponse<ClientReader<E>>>::Monitored;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ClientReader<E>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let (inner, settings) = (&mut self.inner, &self.layer.settings);
        let poll = || inner.poll_ready(context);
        let ready = poll_ready(settings.monitor, poll, |panic| settings.not_ready(panic));
        if let Poll::Ready(Err(error)) = &ready {
            settings.not_ready(settings.reader().error(error));
        }
        ready
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let mut call = self.layer.settings.start(&request);
        let (inner, mut request) = (&mut self.inner, Some(request));
        let future = call.held.run(|| inner.call(request.take().expect(ONCE)));
        ResponseFuture::new(future, call)
    }
}

impl Settings {
    fn monitor(&self) -> Monitor {
        self.monitor.unwrap_or_else(Monitor::current)
    }

    fn reader<E>(&self) -> ClientReader<E> {
        ClientReader {
            outcome: self.outcome,
            verdict: Verdict::Success,
            monitor: self.monitor(),
            errors: PhantomData,
        }
    }

    fn method(&self, monitor: Monitor) -> Method {
        let method = method_of(monitor, "->", &self.name);
        method.expect("an arrow and a name are a name of 1 to 120 bytes")
    }

    /// Records a client that takes no requests any more: the request that is about to come never does.
    fn not_ready(&self, outcome: Outcome<'_>) {
        self.method(self.monitor()).start().finish(outcome);
    }

    /// Starts the call of a request.
    fn start<E>(&self, request: &impl OutgoingRequest) -> CallInFlight<ClientReader<E>> {
        let reader = self.reader();
        let method = self.method(reader.monitor);
        let mut call = self.with_host(method, request.host()).start();
        if let Some(bytes) = request.bytes().filter(|bytes| *bytes > 0) {
            call.request_size(bytes);
        }
        CallInFlight {
            held: HeldCall::new(call, self.monitor),
            reader,
        }
    }

    fn with_host(&self, method: Method, host: Option<&str>) -> Method {
        let host = host.filter(|_| self.has_hosts);
        let labelled = host.map(|host| method.with_labels(&[("host", host)]));
        labelled.and_then(Result::ok).unwrap_or(method)
    }
}

/// A request of an HTTP client.
pub trait OutgoingRequest {
    /// The host that it goes to, if its URI has one.
    fn host(&self) -> Option<&str>;

    /// The size of its body, if it is known.
    fn bytes(&self) -> Option<u64>;
}

impl<B: Body> OutgoingRequest for Request<B> {
    fn host(&self) -> Option<&str> {
        self.uri().host()
    }

    fn bytes(&self) -> Option<u64> {
        self.body().size_hint().exact()
    }
}

#[cfg(feature = "reqwest")]
impl OutgoingRequest for reqwest::Request {
    fn host(&self) -> Option<&str> {
        self.url().host_str()
    }

    fn bytes(&self) -> Option<u64> {
        self.body().map_or(Some(0), |body| body.size_hint().exact())
    }
}

/// Over `http::Response`, which keeps its URL.
#[cfg(feature = "reqwest")]
impl<E: 'static> MonitoredResponse<ClientReader<E>> for reqwest::Response {
    type Monitored = Self;

    fn monitored(self, call: CallInFlight<ClientReader<E>>) -> Self {
        use reqwest::ResponseBuilderExt;

        let url = self.url().clone();
        let response = Response::from(self).monitored(call);
        let (mut head, body) = response.into_parts();
        // Only a builder takes the URL.
        if let Ok(with_url) = Response::builder().url(url).body(()) {
            head.extensions.extend(with_url.into_parts().0.extensions);
        }
        Response::from_parts(head, reqwest::Body::wrap(body)).into()
    }
}

/// Reads the outcome of an outgoing request; a part of the types of a [`ClientService`].
#[derive(Debug)]
pub struct ClientReader<E> {
    outcome: StatusRule,
    /// Of the head, once there is one.
    verdict: Verdict,
    monitor: Monitor,
    errors: PhantomData<fn() -> E>,
}

impl<E> ReadResponse for ClientReader<E> {
    fn head<B>(&mut self, response: &Response<B>) -> Rest {
        let status = response.status();
        self.verdict = StatusOutcome::by(self.outcome, status).verdict(status);
        Rest::Body
    }

    fn ended(&self) -> Verdict {
        self.verdict
    }

    fn broken(&self) -> Verdict {
        self.verdict.or_broken(BROKEN_BODY)
    }

    fn dropped(&self, begun: bool) -> Option<Verdict> {
        (!begun || self.verdict != Verdict::Success).then_some(self.verdict)
    }
}

// The compiler names the layer's method for boxed errors instead, as the trait says.
#[diagnostic::do_not_recommend]
impl<E: Error + 'static> ReadError<E> for ClientReader<StdErrors> {
    fn error<'e>(&self, error: &'e E) -> Outcome<'e> {
        outcome_of_error(self.monitor, error)
    }
}

impl ReadError<BoxError> for ClientReader<BoxedErrors> {
    fn error<'e>(&self, error: &'e BoxError) -> Outcome<'e> {
        outcome_of_error(self.monitor, &**error)
    }
}
