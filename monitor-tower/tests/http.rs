//! The layer for HTTP servers under axum: outcomes, bodies and sizes, with real servers and clients.
#![cfg(feature = "axum")]

mod support;

use std::future::{pending, poll_fn, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::error_handling::HandleErrorLayer;
use axum::extract::Path;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{BoxError, Router};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use monitor_core::exposition::{Format, encode_snapshot};
use monitor_core::names::Profile;
use monitor_core::{Monitor, Outcome, monitored};
use monitor_tower::{StatusOutcome, http};
use support::{calls, counts, exchange, monitor, send, serve, sum_of, wait_for, wait_for_end};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tower::timeout::TimeoutLayer;
use tower::{ServiceBuilder, ServiceExt};

/// A router with this response at `/`, for all verbs.
fn router(
    monitor: Monitor,
    respond: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Router {
    let handler = move || ready(respond());
    let routes = Router::new().route("/", get(handler.clone()).post(handler));
    routes.layer(http().monitor(monitor))
}

/// The calls after one request, and the answer.
async fn after(
    verb: &str,
    respond: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> (Vec<String>, String) {
    let monitor = monitor();
    let address = serve(router(monitor, respond)).await;
    let answer = exchange(address, verb, "/").await;
    wait_for_end(monitor).await;
    (counts(monitor), answer)
}

/// A body of these chunks, of which an error breaks it.
fn chunks(chunks: Vec<io::Result<&'static str>>) -> Body {
    Body::from_stream(stream::iter(chunks))
}

fn broken() -> io::Error {
    io::Error::other("the disk is gone")
}

/// A body that a test sends.
fn channel() -> (mpsc::Sender<io::Result<&'static str>>, Body) {
    let (sender, receiver) = mpsc::channel(8);
    (sender, Body::from_stream(ReceiverStream::new(receiver)))
}

#[tokio::test]
async fn a_request_is_a_call_with_the_outcome_of_its_status() {
    let monitor = monitor();
    let user = |id: Path<u16>| async move { StatusCode::from_u16(id.0).expect("a status") };
    let router = Router::new()
        .route("/users/{id}", get(user))
        .layer(http().monitor(monitor));
    let address = serve(router).await;
    for status in ["200", "302", "404", "408", "503", "599"] {
        let answer = exchange(address, "GET", &format!("/users/{status}")).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["GET /users/{id} started=6 ok=2 http_404=1 http_408=1 http_503=1 http_5xx=1"]
    );
    let expected = [("GET /users/{id}".into(), "http_404".into())];
    assert_eq!(monitor.snapshot().expected, expected);
}

#[tokio::test]
async fn the_meaning_of_statuses_can_be_set() {
    let monitor = monitor();
    let outcome = |status: StatusCode| match status {
        StatusCode::NOT_FOUND => StatusOutcome::Failure,
        StatusCode::NOT_IMPLEMENTED => StatusOutcome::Expected,
        StatusCode::BAD_REQUEST => StatusOutcome::Success,
        other => StatusOutcome::of(other),
    };
    let user = |id: Path<u16>| async move { StatusCode::from_u16(id.0).expect("a status") };
    let router = Router::new()
        .route("/{id}", get(user))
        .layer(http().monitor(monitor).outcome(outcome));
    let address = serve(router).await;
    for status in ["404", "501", "400", "500"] {
        exchange(address, "GET", &format!("/{status}")).await;
    }
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["GET /{id} started=4 ok=1 http_404=1 http_501=1 http_500=1"]
    );
    assert_eq!(
        monitor.snapshot().expected,
        [("GET /{id}".into(), "http_501".into())]
    );
}

#[tokio::test]
async fn an_extractor_that_refuses_is_an_expected_failure_of_the_route() {
    let monitor = monitor();
    let number = |_: Path<u8>| async {};
    let router = Router::new()
        .route("/{number}", get(number))
        .layer(http().monitor(monitor));
    exchange(serve(router).await, "GET", "/many").await;
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["GET /{number} started=1 http_400=1"]);
}

#[tokio::test]
async fn a_body_that_breaks_is_a_failure_and_a_failed_status_stays_one() {
    let breaks = |status: StatusCode| {
        move || (status, chunks(vec![Ok("half"), Err(broken())])).into_response()
    };
    let (counts, answer) = after("GET", breaks(StatusCode::OK)).await;
    assert_eq!(counts, ["GET / started=1 http_body=1"]);
    assert!(!answer.contains("0\r\n\r\n"), "it has no end: {answer}");
    let (counts, _) = after("GET", breaks(StatusCode::BAD_GATEWAY)).await;
    assert_eq!(counts, ["GET / started=1 http_502=1"]);
}

#[tokio::test]
async fn a_streamed_body_with_a_content_length_is_whole_with_its_last_byte_and_broken_without() {
    let of_length = |length: &'static str, parts: &'static [&'static str]| {
        move || {
            let parts = parts.iter().copied().map(Ok).collect();
            ([(CONTENT_LENGTH, length)], chunks(parts)).into_response()
        }
    };
    // hyper drops these after the announced bytes, and asks for no frame behind them.
    for parts in [&["12345"][..], &["12", "345"], &["123", "45678"]] {
        let (counts, answer) = after("GET", of_length("5", parts)).await;
        assert!(answer.ends_with("\r\n\r\n12345"), "{answer}");
        assert_eq!(counts, ["GET / started=1 ok=1"], "{parts:?}");
    }
    let (counts, _) = after("GET", of_length("0", &["12345"])).await;
    assert_eq!(counts, ["GET / started=1 ok=1"], "no byte is announced");

    let (counts, _) = after("GET", of_length("10", &["12345"])).await;
    assert_eq!(counts, ["GET / started=1 http_body=1"], "too short");
    let (counts, _) = after("HEAD", of_length("10", &[])).await;
    assert_eq!(counts, ["HEAD / started=1 ok=1"], "no body is sent");
}

#[tokio::test]
async fn a_client_that_leaves_a_body_with_a_content_length_cancels_it() {
    let monitor = monitor();
    let endless = || {
        let first = stream::iter([io::Result::Ok("12345")]);
        let body = Body::from_stream(first.chain(stream::pending()));
        ([(CONTENT_LENGTH, "10")], body).into_response()
    };
    let address = serve(router(monitor, endless)).await;
    let mut client = send(address, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    client.read_exact(&mut [0; 64]).await.expect("it begins");
    drop(client);
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["GET / started=1 cancelled=1"]);
}

#[tokio::test]
async fn empty_bodies_and_those_that_a_server_does_not_read_are_successes() {
    let endless = || stream::pending::<io::Result<&'static str>>();
    let (counts, _) = after("GET", || ().into_response()).await;
    assert_eq!(counts, ["GET / started=1 ok=1"], "an empty body");
    let (counts, _) = after("GET", || "of a known length".into_response()).await;
    assert_eq!(counts, ["GET / started=1 ok=1"], "a known length");
    let (counts, _) = after("GET", || chunks(vec![Ok("a"), Ok("b")]).into_response()).await;
    assert_eq!(counts, ["GET / started=1 ok=1"], "chunks");
    let (counts, _) = after("HEAD", move || Body::from_stream(endless()).into_response()).await;
    assert_eq!(counts, ["HEAD / started=1 ok=1"], "an answer to HEAD");
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let respond = move || (status, Body::from_stream(endless())).into_response();
        let (counts, _) = after("GET", respond).await;
        assert_eq!(counts, ["GET / started=1 ok=1"], "{status}");
    }
}

#[tokio::test]
async fn a_request_is_in_flight_until_the_last_byte_of_its_body() {
    let monitor = monitor();
    let (sender, body) = channel();
    let body = std::sync::Mutex::new(Some(body));
    let body = std::sync::Arc::new(body);
    let respond = move || {
        body.lock()
            .expect("one request")
            .take()
            .into_response_or_empty()
    };
    let address = serve(router(monitor, respond)).await;
    let mut client = send(
        address,
        "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
    )
    .await;
    sender.send(Ok("first")).await.expect("it is read");
    let mut answer = vec![0; 4096];
    let mut read = 0;
    while !String::from_utf8_lossy(&answer[..read]).contains("first") {
        read += client.read(&mut answer[read..]).await.expect("an answer");
    }
    let now = calls(monitor, "GET /");
    assert_eq!(
        (now.in_flight, now.entries_in_flight, now.success.count()),
        (1, 1, 0)
    );
    drop(sender);
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["GET / started=1 ok=1"]);
    assert_eq!(sum_of(monitor, "GET /", "response_size"), Some((5.0, 1)));
}

trait OrEmpty {
    fn into_response_or_empty(self) -> Response;
}

impl OrEmpty for Option<Body> {
    fn into_response_or_empty(self) -> Response {
        self.unwrap_or_default().into_response()
    }
}

#[tokio::test]
async fn sizes_are_the_bytes_of_both_bodies() {
    let monitor = monitor();
    let routes = Router::new()
        .route(
            "/echo",
            post(|body: Bytes| async move { [body.clone(), body].concat() }),
        )
        .layer(http().monitor(monitor));
    let address = serve(routes).await;
    let head = "POST /echo HTTP/1.1\r\nhost: test\r\nconnection: close\r\n";
    let mut client = send(address, &format!("{head}content-length: 5\r\n\r\n12345")).await;
    client
        .read_to_end(&mut Vec::new())
        .await
        .expect("an answer");
    wait_for_end(monitor).await;
    assert_eq!(
        sum_of(monitor, "POST /echo", "request_size"),
        Some((5.0, 1))
    );
    assert_eq!(
        sum_of(monitor, "POST /echo", "response_size"),
        Some((10.0, 1))
    );
}

/// Whether a future panics. It is dropped when the panic is over, as by a layer that catches panics.
async fn panics(future: impl Future) -> bool {
    let mut future = Box::pin(future);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(|_| false),
            Err(_) => Poll::Ready(true),
        },
    )
    .await
}

#[tokio::test]
async fn a_panic_of_the_service_or_its_body_is_counted_and_not_swallowed() {
    async fn poll(
        monitor: Monitor,
        respond: impl Fn() -> Response + Clone + Send + Sync + 'static,
    ) {
        let request = Request::get("/").body(Body::empty()).expect("a request");
        let response = router(monitor, respond).oneshot(request).await;
        let body = response.expect("a router answers").into_body();
        body.collect().await.expect("a whole body");
    }
    let in_service = monitor();
    let served = poll(in_service, || panic!("in the handler"));
    assert!(panics(served).await);
    assert_eq!(counts(in_service), ["GET / started=1 panic=1"]);

    let in_body = monitor();
    let body = || stream::once(async { panic!("in the body") }).map(|()| io::Result::Ok("never"));
    let served = poll(in_body, move || Body::from_stream(body()).into_response());
    assert!(panics(served).await);
    assert_eq!(counts(in_body), ["GET / started=1 panic=1"]);

    let over_a_socket = monitor();
    let address = serve(router(over_a_socket, || panic!("in the handler"))).await;
    assert_eq!(exchange(address, "GET", "/").await, "");
    assert_eq!(counts(over_a_socket), ["GET / started=1 panic=1"]);
}

#[tokio::test]
async fn a_request_that_a_panic_beside_it_drops_is_cancelled() {
    let monitor = monitor();
    let routes = Router::new().route("/", get(pending::<()>));
    let routes = routes.layer(http().monitor(monitor));
    let request = Request::get("/").body(Body::empty()).expect("a request");
    let beside = async {
        tokio::task::yield_now().await;
        panic!("beside the request");
    };
    let both = async { tokio::join!(routes.oneshot(request), beside) };
    assert!(tokio::spawn(both).await.is_err());
    assert_eq!(counts(monitor), ["GET / started=1 cancelled=1"]);
}

#[tokio::test]
async fn a_client_that_leaves_before_or_during_the_body_cancels_its_request() {
    let before = monitor();
    let routes = Router::new().route("/", get(pending::<()>));
    let address = serve(routes.layer(http().monitor(before))).await;
    let client = send(address, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    wait_for("the request is there", || before.in_flight() == 1).await;
    drop(client);
    wait_for_end(before).await;
    assert_eq!(counts(before), ["GET / started=1 cancelled=1"]);

    let during = monitor();
    let endless = || {
        let chunk = || Bytes::from(vec![b'x'; 1 << 16]);
        Body::from_stream(stream::repeat_with(move || io::Result::Ok(chunk()))).into_response()
    };
    let address = serve(router(during, endless)).await;
    let mut client = send(address, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    client.read_exact(&mut [0; 1024]).await.expect("it begins");
    drop(client);
    wait_for_end(during).await;
    assert_eq!(counts(during), ["GET / started=1 cancelled=1"]);
    let (bytes, calls) = sum_of(during, "GET /", "response_size").expect("bytes");
    assert!(
        bytes >= 65536.0 && calls == 1,
        "{bytes} bytes in {calls} calls"
    );
}

#[tokio::test]
async fn a_client_that_leaves_its_upload_gets_the_answer_of_the_extractor_that_read_it() {
    let monitor = monitor();
    let routes = Router::new().route("/", post(async |_: Bytes| ()));
    let address = serve(routes.layer(http().monitor(monitor))).await;
    let half = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\nabc";
    let client = send(address, half).await;
    wait_for("the request is there", || monitor.in_flight() == 1).await;
    drop(client);
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["POST / started=1 http_400=1"]);
}

#[tokio::test]
async fn a_request_that_passes_two_layers_counts_twice() {
    let monitor = monitor();
    let layer = || http().monitor(monitor);
    let merged = Router::new().route("/a", get(async || ())).layer(layer());
    let nested = Router::new().route("/b", get(async || ())).layer(layer());
    let routes = Router::new().merge(merged).nest("/sub", nested);
    let address = serve(routes.layer(layer())).await;
    for path in ["/a", "/sub/b"] {
        exchange(address, "GET", path).await;
    }
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["GET /a started=2 ok=2", "GET /sub/b started=2 ok=2"]
    );
}

#[tokio::test]
async fn a_time_limit_inside_is_its_answer_and_one_around_cancels() {
    let limit = || TimeoutLayer::new(Duration::from_millis(10));
    let answer = |_: BoxError| ready(StatusCode::GATEWAY_TIMEOUT);
    let slow = || Router::new().route("/", get(pending::<()>));

    let inside = monitor();
    let layers = ServiceBuilder::new().layer(http().monitor(inside));
    let layers = layers.layer(HandleErrorLayer::new(answer)).layer(limit());
    let got = exchange(serve(slow().layer(layers)).await, "GET", "/").await;
    assert!(got.starts_with("HTTP/1.1 504 "), "{got}");
    wait_for_end(inside).await;
    assert_eq!(counts(inside), ["GET / started=1 http_504=1"]);

    let around = monitor();
    let layers = ServiceBuilder::new().layer(HandleErrorLayer::new(answer));
    let layers = layers.layer(limit()).layer(http().monitor(around));
    exchange(serve(slow().layer(layers)).await, "GET", "/").await;
    wait_for_end(around).await;
    assert_eq!(counts(around), ["GET / started=1 cancelled=1"]);
}

#[tokio::test]
async fn a_time_limit_of_this_crates_family_around_the_layer_is_a_timeout() {
    let monitor = monitor();
    let routes = Router::new().route("/", get(pending::<()>));
    let routes = routes.layer(http().monitor(monitor));
    let request = Request::get("/").body(Body::empty()).expect("a request");
    let sleep = tokio::time::sleep(Duration::from_millis(10));
    let limited = monitor_core::timeout_with(sleep, routes.oneshot(request)).await;
    assert!(limited.is_err());
    assert_eq!(counts(monitor), ["GET / started=1 timeout=1"]);
}

#[monitored(method = "Load")]
async fn load() {
    tokio::task::yield_now().await;
}

#[monitored(method = "Serve")]
async fn in_a_call<F: Future>(future: F) -> F::Output {
    future.await
}

#[tokio::test]
async fn a_request_is_an_entry_call_and_the_caller_of_calls_inside_also_of_its_body() {
    let monitor = monitor();
    let handler = || async {
        load().await;
        Body::from_stream(stream::once(async {
            load().await;
            io::Result::Ok("loaded")
        }))
    };
    let routes = Router::new().route("/", get(handler)).layer(http());
    let request = Request::get("/").body(Body::empty()).expect("a request");
    let served = async {
        let response = routes.oneshot(request).await.expect("a router answers");
        let body = response.into_body().collect().await.expect("a whole body");
        assert_eq!(body.to_bytes(), "loaded");
    };
    monitor.scope(in_a_call(served)).await;

    let callers = |name| {
        let callers = calls(monitor, name).callers.into_iter();
        callers
            .map(|one| (one.caller.map(|name| name.to_string()), one.calls))
            .collect::<Vec<_>>()
    };
    assert_eq!(callers("GET /"), [(None, 1)]);
    assert_eq!(callers("Load"), [(Some("GET /".to_owned()), 2)]);
    assert_eq!(monitor.snapshot().tasks.in_flight, 0);
}

#[tokio::test]
async fn a_given_monitor_has_the_requests_and_the_calls_inside() {
    let monitor = monitor();
    let routes = Router::new()
        .route("/", get(load))
        .layer(http().monitor(monitor));
    exchange(serve(routes).await, "GET", "/").await;
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["GET / started=1 ok=1", "Load started=1 ok=1"]
    );
    assert_eq!(
        calls(monitor, "Load").callers[0].caller.as_deref(),
        Some("GET /")
    );
}

#[tokio::test]
async fn the_body_of_a_response_keeps_its_size_its_end_and_its_trailers() {
    let respond = || {
        let mut trailers = HeaderMap::new();
        trailers.insert("checksum", "7".parse().expect("a value"));
        let body = http_body_util::Full::new(Bytes::from_static(b"12345"));
        Body::new(body.with_trailers(ready(Some(Ok(trailers))))).into_response()
    };
    let monitor = monitor();
    let request = |path| Request::get(path).body(Body::empty()).expect("a request");
    let routes = router(monitor, respond);
    let response = routes
        .clone()
        .oneshot(request("/"))
        .await
        .expect("a router answers");
    let body = response.into_body().collect().await.expect("a whole body");
    let trailers = body.trailers().expect("trailers");
    assert_eq!(trailers["checksum"], "7");
    assert_eq!(counts(monitor), ["GET / started=1 ok=1"]);

    let routes = router(monitor, || "12345".into_response());
    let response = routes
        .oneshot(request("/"))
        .await
        .expect("a router answers");
    let body = response.into_body();
    assert_eq!(
        (body.size_hint().exact(), body.is_end_stream()),
        (Some(5), false)
    );
}

#[tokio::test]
async fn failures_count_for_health_and_expected_ones_do_not() {
    let monitor = monitor();
    let respond = |status: StatusCode| move || status.into_response();
    for status in [StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE] {
        let request = Request::get("/").body(Body::empty()).expect("a request");
        let response = router(monitor, respond(status)).oneshot(request).await;
        drop(response.expect("a router answers"));
    }
    let statuses = monitor.method_statuses();
    let status = statuses
        .iter()
        .find(|status| &*status.task == "GET /")
        .expect("a status");
    assert_eq!(
        (status.status, status.run),
        (monitor_core::TaskStatus::OtherException, 1)
    );
}

#[tokio::test]
async fn a_request_that_waits_for_a_permit_of_towers_limit_is_in_flight() {
    let monitor = monitor();
    let limit = tower::limit::GlobalConcurrencyLimitLayer::new(1);
    let routes = Router::new().route("/", get(pending::<()>));
    let routes = routes.layer(limit).layer(http().monitor(monitor));
    let address = serve(routes).await;
    let request = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    let clients = [send(address, request).await, send(address, request).await];
    wait_for("both are there", || monitor.in_flight() == 2).await;
    drop(clients);
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["GET / started=2 cancelled=2"]);
}

/// Makes a call when it is dropped, and panics then if it is told so.
struct CallsInDrop(bool);

impl Drop for CallsInDrop {
    fn drop(&mut self) {
        let method = Monitor::current().method("InDrop").expect("a name");
        method.start().finish(Outcome::Success);
        assert!(!self.0, "in a destructor");
    }
}

#[tokio::test]
async fn destructors_of_a_request_that_is_left_are_a_part_of_its_call() {
    let request = || Request::get("/").body(Body::empty()).expect("a request");
    let handler = |panics: bool| {
        let held = async move || {
            let _held = CallsInDrop(panics);
            pending::<()>().await;
        };
        Router::new().route("/", get(held))
    };
    let in_handler = monitor();
    let routes = handler(false).layer(http().monitor(in_handler));
    let left = tokio::time::timeout(Duration::from_millis(5), routes.oneshot(request()));
    assert!(left.await.is_err());

    let in_body = monitor();
    let respond = || {
        let held = CallsInDrop(false);
        let pending = stream::poll_fn(move |_| {
            let _ = &held;
            Poll::<Option<io::Result<&str>>>::Pending
        });
        Body::from_stream(pending).into_response()
    };
    let response = router(in_body, respond).oneshot(request()).await;
    drop(response.expect("a router answers"));

    for monitor in [in_handler, in_body] {
        let expected = ["GET / started=1 cancelled=1", "InDrop started=1 ok=1"];
        assert_eq!(counts(monitor), expected);
        let caller = &calls(monitor, "InDrop").callers[0].caller;
        assert_eq!(caller.as_deref(), Some("GET /"));
    }

    let panics = monitor();
    let routes = handler(true).layer(http().monitor(panics));
    let mut future = Box::pin(routes.oneshot(request()));
    assert!(poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(future))).is_err());
    assert_eq!(counts(panics)[0], "GET / started=1 panic=1");
}

#[tokio::test]
async fn the_page_has_routes_and_statuses() {
    let monitor = monitor();
    let user = |id: Path<u16>| async move { StatusCode::from_u16(id.0).expect("a status") };
    let routes = Router::new().route("/users/{id}", get(user));
    let address = serve(routes.layer(http().monitor(monitor))).await;
    for status in ["404", "503"] {
        exchange(address, "GET", &format!("/users/{status}")).await;
    }
    wait_for_end(monitor).await;
    let (profile, format) = (Profile::Prometheus, Format::Text004);
    let mut page = Vec::new();
    encode_snapshot(&monitor.snapshot(), profile, &[], format, &mut page);
    let page = String::from_utf8(page).expect("text");
    for line in [
        r#"service_requests_total{method="GET /users/{id}"} 2"#,
        r#"service_request_errors_total{method="GET /users/{id}",type="http_404"} 1"#,
        r#"service_request_errors_total{method="GET /users/{id}",type="http_503"} 1"#,
        r#"service_expected_error{method="GET /users/{id}",type="http_404"} 1"#,
    ] {
        assert!(page.lines().any(|one| one == line), "{line}\n{page}");
    }
    assert!(!page.contains(r#"service_expected_error{method="GET /users/{id}",type="http_503"}"#));
}
