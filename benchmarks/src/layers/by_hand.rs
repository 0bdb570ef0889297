//! A layer with `prometheus`, as a careful engineer writes it: no allocation for labels, the gauge right when a client
//! leaves. It looks up the children of a request by their labels and ends with the head of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use monitor_core::TIME_BOUNDS;
use pin_project_lite::pin_project;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts};

struct Families {
    requests: IntCounterVec,
    duration: HistogramVec,
    in_flight: IntGauge,
}

impl Families {
    fn new() -> Self {
        let requests = Opts::new("http_requests_total", "Requests by status.");
        let duration = HistogramOpts::new("http_request_duration_seconds", "Until the head.");
        let duration = duration.buckets(TIME_BOUNDS.to_vec());
        let in_flight = IntGauge::new("http_requests_in_flight", "Requests in flight.");
        Self {
            requests: IntCounterVec::new(requests, &["method", "route", "status"])
                .expect("a good name"),
            duration: HistogramVec::new(duration, &["method", "route"]).expect("a good name"),
            in_flight: in_flight.expect("a good name"),
        }
    }
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Layer(Arc<Families>);

impl Layer {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Families::new()))
    }

    #[cfg(test)]
    pub(crate) fn requests(&self, labels: [&str; 3]) -> u64 {
        self.0.requests.with_label_values(&labels).get()
    }

    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> i64 {
        self.0.in_flight.get()
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Service<S>;

    fn layer(&self, inner: S) -> Service<S> {
        let families = Arc::clone(&self.0);
        Service { inner, families }
    }
}

/// The service inside of the layer, recorded.
#[derive(Clone)]
pub(crate) struct Service<S> {
    inner: S,
    families: Arc<Families>,
}

impl<S: tower::Service<Request, Response = Response>> tower::Service<Request> for Service<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Recorded<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let in_flight = InFlight::start(&self.families);
        Recorded {
            start: Instant::now(),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            inner: self.inner.call(request),
            in_flight,
        }
    }
}

/// A request in flight, until it is dropped.
struct InFlight(Arc<Families>);

impl InFlight {
    fn start(families: &Arc<Families>) -> Self {
        families.in_flight.inc();
        Self(Arc::clone(families))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}

pin_project! {
    /// A request until the head of its answer.
    pub(crate) struct Recorded<F> {
        #[pin]
        inner: F,
        start: Instant,
        method: Method,
        route: Option<MatchedPath>,
        in_flight: InFlight,
    }
}

impl<F: Future<Output = Result<Response, E>>, E> Future for Recorded<F> {
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(context));
        let failed = StatusCode::INTERNAL_SERVER_ERROR;
        let status = result.as_ref().map_or(failed, Response::status);
        let route = this.route.as_ref().map_or("", MatchedPath::as_str);
        let (families, method) = (&this.in_flight.0, this.method.as_str());
        let duration = families.duration.with_label_values(&[method, route]);
        duration.observe(this.start.elapsed().as_secs_f64());
        let labels = [method, route, status.as_str()];
        families.requests.with_label_values(&labels).inc();
        Poll::Ready(result)
    }
}
