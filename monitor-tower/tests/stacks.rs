//! The layer for servers on stacks other than axum: hyper alone, warp, and services with bodies of their own.

mod support;

use std::convert::Infallible;
use std::future::{Pending, pending, ready};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use monitor_core::{Monitor, Outcome};
use monitor_tower::{HttpReader, MonitoredBody, client, http};
use support::{counts, exchange, monitor, sum_of, timeless_monitor, wait_for_end};
use tokio::net::TcpListener;
use tower::timeout::TimeoutLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use warp::Filter;

/// Serves each connection with a clone of a service, by hyper alone.
async fn serve<S, B, R>(service: S) -> SocketAddr
where
    S: Service<Request<hyper::body::Incoming>, Response = Response<R>> + Clone + Send + 'static,
    S: Service<Request<hyper::body::Incoming>, Error = B>,
    S::Future: Send,
    B: Into<BoxError> + Send + 'static,
    R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn hyper_alone_with_a_time_limit_of_tower_that_is_an_error() {
    let monitor = monitor();
    let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
        match request.uri().path() {
            "/slow" => pending().await,
            _ => Ok::<_, Infallible>(Response::new(Full::from("hello"))),
        }
    });
    let service = ServiceBuilder::new()
        .layer(http().monitor(monitor).route(|head| match head.uri.path() {
            "/hello" => Some("/hello".into()),
            _ => None,
        }))
        .layer(TimeoutLayer::new(Duration::from_millis(20)))
        .service(service);
    let address = serve(service).await;
    assert!(exchange(address, "GET", "/hello").await.ends_with("hello"));
    assert_eq!(
        exchange(address, "GET", "/slow").await,
        "",
        "the connection breaks"
    );
    wait_for_end(monitor).await;
    let expected = [
        "GET (unmatched) started=1 timeout=1",
        "GET /hello started=1 ok=1",
    ];
    assert_eq!(counts(monitor), expected);
}

#[tokio::test]
async fn warp_through_tower() {
    let monitor = monitor();
    let hello = warp::path!("hello" / String).map(|name| format!("hello {name}"));
    let service = warp::service(hello);
    let layer = http().monitor(monitor);
    let layer = layer.route(|head| {
        head.uri
            .path()
            .starts_with("/hello/")
            .then(|| "/hello/{name}".into())
    });
    let address = serve(layer.layer(service)).await;
    assert!(
        exchange(address, "GET", "/hello/you")
            .await
            .ends_with("hello you")
    );
    assert!(
        exchange(address, "GET", "/none")
            .await
            .starts_with("HTTP/1.1 404 ")
    );
    wait_for_end(monitor).await;
    let expected = [
        "GET (unmatched) started=1 http_404=1",
        "GET /hello/{name} started=1 ok=1",
    ];
    assert_eq!(counts(monitor), expected);
}

/// A body of three bytes, whose length is known. It does not tell when it is at its end.
struct Three(u8);

impl Body for Three {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0 += 1;
        Poll::Ready((self.0 <= 3).then(|| Ok(Frame::data(Bytes::from_static(b"x")))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(3)
    }
}

/// The calls behind a response with a body of three bytes that is dropped after some frames.
async fn after_frames(frames: u8) -> Vec<String> {
    let monitor = monitor();
    let service =
        service_fn(|_: Request<Empty<Bytes>>| ready(Ok::<_, Infallible>(Response::new(Three(0)))));
    let service = http().monitor(monitor).layer(service);
    let response = service
        .oneshot(Request::new(Empty::new()))
        .await
        .expect("an answer");
    let mut body = response.into_body();
    for _ in 0..frames {
        body.frame().await.expect("a frame").expect("no error");
    }
    drop(body);
    let size = sum_of(monitor, "GET (unmatched)", "response_size");
    assert_eq!(size, (frames > 0).then_some((frames.into(), 1)));
    counts(monitor)
}

#[tokio::test]
async fn a_body_that_is_dropped_behind_its_last_byte_is_complete() {
    assert_eq!(after_frames(3).await, ["GET (unmatched) started=1 ok=1"]);
    assert_eq!(
        after_frames(2).await,
        ["GET (unmatched) started=1 cancelled=1"]
    );
    assert_eq!(
        after_frames(0).await,
        ["GET (unmatched) started=1 cancelled=1"]
    );
}

#[tokio::test]
async fn an_error_of_the_service_is_classified_and_handed_on() {
    let monitor = monitor();
    let service = service_fn(|request: Request<Empty<Bytes>>| {
        let io = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error: BoxError = match *request.method() {
            Method::GET => Box::new(io),
            Method::PUT => Box::new(monitor_core::TimeoutError::new(None)),
            _ => "unknown".into(),
        };
        ready(Err::<Response<Empty<Bytes>>, _>(error))
    });
    let service = http().monitor(monitor).layer(service);
    for (verb, text) in [
        (Method::GET, "connection refused"),
        (Method::PUT, "timed out"),
        (Method::POST, "unknown"),
    ] {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = verb;
        let error = service
            .clone()
            .oneshot(request)
            .await
            .expect_err("it fails");
        assert_eq!(error.to_string(), text);
    }
    let expected = [
        "GET (unmatched) started=1 connect=1",
        "POST (unmatched) started=1 other=1",
        "PUT (unmatched) started=1 timeout=1",
    ];
    assert_eq!(counts(monitor), expected);
}

#[tokio::test]
async fn an_io_error_without_a_box_is_classified_too() {
    let monitor = monitor();
    let service = service_fn(|request: Request<Empty<Bytes>>| {
        let error = match *request.method() {
            Method::GET => io::Error::from(io::ErrorKind::ConnectionRefused),
            Method::PUT => io::Error::other(monitor_core::TimeoutError::new(None)),
            _ => io::Error::other("unknown"),
        };
        ready(Err::<Response<Empty<Bytes>>, _>(error))
    });
    let service = http().monitor(monitor).layer(service);
    for verb in [Method::GET, Method::PUT, Method::POST] {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = verb;
        service
            .clone()
            .oneshot(request)
            .await
            .expect_err("it fails");
    }
    let expected = [
        "GET (unmatched) started=1 connect=1",
        "POST (unmatched) started=1 other=1",
        "PUT (unmatched) started=1 timeout=1",
    ];
    assert_eq!(counts(monitor), expected);
}

/// A service that is ready at its second poll, or never, and answers nothing.
#[derive(Clone)]
struct Readiness {
    polls: usize,
    is_closed: bool,
}

impl Service<Request<Empty<Bytes>>> for Readiness {
    type Response = Response<Empty<Bytes>>;
    type Error = &'static str;
    type Future = Pending<Result<Self::Response, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.polls += 1;
        match self.polls {
            1 => Poll::Pending,
            _ if self.is_closed => Poll::Ready(Err("closed")),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, _: Request<Empty<Bytes>>) -> Self::Future {
        assert!(self.polls > 1, "it was not ready");
        pending()
    }
}

#[test]
fn readiness_is_that_of_the_service_and_its_error_a_failure() {
    let monitor = monitor();
    let mut context = Context::from_waker(std::task::Waker::noop());
    for is_closed in [false, true] {
        let mut service = http().monitor(monitor).layer(Readiness {
            polls: 0,
            is_closed,
        });
        assert!(service.poll_ready(&mut context).is_pending());
        match service.poll_ready(&mut context) {
            Poll::Ready(Ok(())) => drop(service.call(Request::new(Empty::new()))),
            ready => assert_eq!(ready, Poll::Ready(Err("closed"))),
        }
    }
    let expected = [
        "GET (unmatched) started=1 cancelled=1",
        "OTHER (not ready) started=1 other=1",
    ];
    assert_eq!(counts(monitor), expected);
}

/// A service that makes a call while it is asked whether it is ready, and panics.
struct PanicsInReady;

impl Service<Request<Empty<Bytes>>> for PanicsInReady {
    type Response = Response<Empty<Bytes>>;
    type Error = io::Error;
    type Future = Pending<Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        let method = Monitor::current().method("InReady").expect("a name");
        method.start().finish(Outcome::Success);
        panic!("not ready")
    }

    fn call(&mut self, _: Request<Empty<Bytes>>) -> Self::Future {
        unreachable!("it is never ready")
    }
}

#[test]
fn a_panic_of_poll_ready_is_a_failure_and_its_calls_are_in_the_given_monitor() {
    fn panics<S: Service<Request<Empty<Bytes>>>>(mut service: S) {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let poll = AssertUnwindSafe(|| service.poll_ready(&mut context).is_ready());
        let panic = catch_unwind(poll).expect_err("it goes on");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"not ready"));
    }
    let served = monitor();
    panics(http().monitor(served).layer(PanicsInReady));
    let expected = [
        "InReady started=1 ok=1",
        "OTHER (not ready) started=1 panic=1",
    ];
    assert_eq!(counts(served), expected);

    let called = monitor();
    panics(client("dictionary").monitor(called).layer(PanicsInReady));
    let expected = ["-> dictionary started=1 panic=1", "InReady started=1 ok=1"];
    assert_eq!(counts(called), expected);
}

#[test]
fn a_service_that_panics_before_it_has_a_future_is_a_panic() {
    let monitor = monitor();
    let service = service_fn(|_: Request<Empty<Bytes>>| -> std::future::Ready<Result<Response<Empty<Bytes>>, Infallible>> {
        panic!("before the future")
    });
    let mut service = http().monitor(monitor).layer(service);
    let call = AssertUnwindSafe(|| drop(service.call(Request::new(Empty::new()))));
    assert!(catch_unwind(call).is_err());
    assert_eq!(counts(monitor), ["GET (unmatched) started=1 panic=1"]);
}

#[test]
fn futures_and_bodies_stay_unpin_send_and_sync_where_theirs_are() {
    fn is<T: Unpin + Send + Sync>(_: &T) {}
    let service = service_fn(|_: Request<Empty<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let future = http()
        .monitor(monitor())
        .layer(service)
        .call(Request::new(Empty::new()));
    is(&future);
    let mut future = future;
    let mut context = Context::from_waker(std::task::Waker::noop());
    match Pin::new(&mut future).poll(&mut context) {
        Poll::Ready(Ok(response)) => is(response.body()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_empty_body_is_made_in_place_of_a_responses_and_cancels_its_call() {
    type Monitored = MonitoredBody<Full<Bytes>, HttpReader>;
    let monitor = monitor();
    let service = service_fn(|_: Request<Empty<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::from("x"))))
    });
    let service = http().monitor(monitor).layer(service);
    let response = service.oneshot(Request::new(Empty::new())).await;
    let mut response: Response<Monitored> = response.expect("an answer");
    assert!(!response.body().is_end_stream());
    assert_eq!(monitor.in_flight(), 1);
    *response.body_mut() = Monitored::default();
    assert!(response.body().is_end_stream());
    assert_eq!(response.body().size_hint().exact(), Some(0));
    assert_eq!(counts(monitor), ["GET (unmatched) started=1 cancelled=1"]);
    let body = response.into_body().collect().await.expect("no error");
    assert!(body.to_bytes().is_empty());
}

#[tokio::test]
async fn functions_of_the_user_that_panic_change_nothing() {
    let monitor = monitor();
    let layer = http().monitor(monitor).route(|_| panic!("no route"));
    let layer = layer.outcome(|_| panic!("no meaning"));
    let service = service_fn(|_: Request<Empty<Bytes>>| {
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = http::StatusCode::BAD_GATEWAY;
        ready(Ok::<_, Infallible>(response))
    });
    let served = layer.layer(service).oneshot(Request::new(Empty::new()));
    assert_eq!(served.await.expect("an answer").status(), 502);
    assert_eq!(counts(monitor), ["GET (unmatched) started=1 http_502=1"]);
}

#[tokio::test]
async fn trailers_end_a_call() {
    let monitor = monitor();
    let service = service_fn(|_: Request<Empty<Bytes>>| {
        let trailers = ready(Some(Ok(HeaderMap::new())));
        ready(Ok::<_, Infallible>(Response::new(
            Full::<Bytes>::from("x").with_trailers(trailers),
        )))
    });
    let response = http()
        .monitor(monitor)
        .layer(service)
        .oneshot(Request::new(Empty::new()))
        .await;
    let mut body = response.expect("an answer").into_body();
    body.frame().await.expect("a frame").expect("data");
    assert_eq!(monitor.in_flight(), 1);
    assert!(
        body.frame()
            .await
            .expect("a frame")
            .expect("trailers")
            .is_trailers()
    );
    assert_eq!(monitor.in_flight(), 0);
    assert_eq!(counts(monitor), ["GET (unmatched) started=1 ok=1"]);
}

/// Allocations of one request through a service, whose response is read to its end.
fn allocations<S, B, R>(service: &S, request: impl Fn() -> Request<B>) -> u64
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone,
    R: Body,
{
    let one = || {
        let request = request();
        let served = async {
            let response = service.clone().oneshot(request).await;
            let mut body = Box::pin(response.unwrap_or_else(|never| match never {}).into_body());
            while body.frame().await.is_some() {}
        };
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Box::pin(served).as_mut().poll(&mut context).is_ready());
    };
    // The first ones make the method and its cells.
    (0..3).for_each(|_| one());
    allocation_counter::measure(one).count_total
}

#[test]
fn a_request_costs_no_allocation() {
    let service = service_fn(|_: Request<Full<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(
            "hello",
        ))))
    });
    let monitor = timeless_monitor();
    let monitored = http().monitor(monitor).route(|_| Some("/hello".into()));
    let request = || Request::new(Full::from("hello"));
    let bare = allocations(&service, request);
    assert_eq!(allocations(&monitored.layer(service), request), bare);
    assert_eq!(counts(monitor), ["GET /hello started=4 ok=4"]);
}

#[cfg(feature = "axum")]
#[test]
fn a_request_costs_the_one_allocation_under_axum_that_boxes_the_body() {
    let routes = || {
        let hello = || async { "hello" };
        axum::Router::new().route("/users/{id}", axum::routing::get(hello))
    };
    let monitor = timeless_monitor();
    let request = || {
        let request = Request::get("/users/7").body(axum::body::Body::empty());
        request.expect("a request")
    };
    // Beside a layer that does nothing: axum boxes the future behind each layer, and a clone of each that has fields.
    let unchanged: fn(axum::response::Response) -> axum::response::Response = |response| response;
    let bare = routes().layer(tower::util::MapResponseLayer::new(unchanged));
    let bare = allocations(&bare, request);
    let monitored = routes().layer(http().monitor(monitor));
    let cost = allocations(&monitored, request) - bare;

    assert!(cost <= 1, "{cost} allocations");
    assert_eq!(counts(monitor), ["GET /users/{id} started=4 ok=4"]);
}
