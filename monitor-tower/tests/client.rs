//! The layer for clients: hyper-util's and reqwest's, with real servers.
#![cfg(all(feature = "axum", feature = "reqwest"))]

mod support;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use monitor_core::{ErrorRules, Monitor, StatusRule, StorageConfig, monitored};
use monitor_tower::{ClientLayer, StatusOutcome, client, http};
use support::{calls, counts, monitor, serve, sum_of};
use tokio::net::TcpListener;
use tower::timeout::TimeoutLayer;
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn};

type HyperClient = Client<HttpConnector, Full<Bytes>>;

fn hyper_client() -> HyperClient {
    Client::builder(TokioExecutor::new()).build_http()
}

fn request(to: SocketAddr, path: &str) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://{to}{path}"));
    request.body(Full::from("12345")).expect("a request")
}

/// A server that answers `/<status>` with that status, `/breaks` with a body that breaks and `/endless` with one that
/// does not end.
async fn dictionary() -> SocketAddr {
    let answer = |Path(path): Path<String>| async move {
        let chunks = |broken: bool| {
            let first = stream::iter([io::Result::Ok("whale")]);
            let later = tokio::time::sleep(Duration::from_millis(20));
            let rest = stream::once(async move {
                later.await;
                if !broken {
                    std::future::pending::<()>().await;
                }
                Err(io::Error::other("the disk is gone"))
            });
            Body::from_stream(first.chain(rest))
        };
        match path.as_str() {
            "breaks" => (StatusCode::OK, chunks(true)),
            "endless" => (StatusCode::OK, chunks(false)),
            status => (
                StatusCode::from_bytes(status.as_bytes()).expect("a status"),
                Body::from("whale"),
            ),
        }
    };
    serve(Router::new().route("/{path}", get(answer).post(answer))).await
}

/// An address at which no server listens.
async fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address")
}

/// A server that closes each connection after it has read some bytes.
async fn closes() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.readable().await.expect("a request");
            let _ = stream.try_read(&mut [0; 1 << 12]);
        }
    });
    address
}

#[monitored(method = "Load")]
async fn load<F: Future>(future: F) -> F::Output {
    future.await
}

#[tokio::test]
async fn an_outgoing_request_is_a_call_of_the_current_one_until_the_end_of_its_body() {
    let monitor = monitor();
    let address = dictionary().await;
    let service = client("dictionary").layer(hyper_client());
    monitor
        .scope(load(async {
            let response = service
                .oneshot(request(address, "/200"))
                .await
                .expect("an answer");
            assert_eq!(calls(monitor, "-> dictionary").in_flight, 1);
            let body = response.into_body().collect().await.expect("a body");
            assert_eq!(body.to_bytes(), "whale");
            assert_eq!(calls(monitor, "-> dictionary").in_flight, 0);
        }))
        .await;
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=1 ok=1", "Load started=1 ok=1"]
    );
    let call = calls(monitor, "-> dictionary");
    assert_eq!(call.callers[0].caller.as_deref(), Some("Load"));
    assert_eq!(
        sum_of(monitor, "-> dictionary", "request_size"),
        Some((5.0, 1))
    );
    assert_eq!(
        sum_of(monitor, "-> dictionary", "response_size"),
        Some((5.0, 1))
    );
}

/// The calls of one request by a client that reads the whole response.
async fn after(layer: ClientLayer, to: SocketAddr, path: &str) -> Vec<String> {
    let monitor = monitor();
    let service = layer.monitor(monitor).layer(hyper_client());
    if let Ok(response) = service.oneshot(request(to, path)).await {
        let _ = response.into_body().collect().await;
    }
    counts(monitor)
}

#[tokio::test]
async fn the_outcome_is_that_of_the_status_or_of_the_broken_body() {
    let to = dictionary().await;
    let expected = [
        ("/204", "ok=1"),
        ("/404", "http_404=1"),
        ("/503", "http_503=1"),
        ("/breaks", "http_body=1"),
    ];
    for (path, outcome) in expected {
        let counts = after(client("dictionary"), to, path).await;
        assert_eq!(
            counts,
            [format!("-> dictionary started=1 {outcome}")],
            "{path}"
        );
    }
    let strict = client("dictionary").outcome(|status| match status {
        StatusCode::NOT_FOUND => StatusOutcome::Success,
        other => StatusOutcome::of(other),
    });
    assert_eq!(
        after(strict, to, "/404").await,
        ["-> dictionary started=1 ok=1"]
    );
}

#[tokio::test]
async fn errors_of_connections_have_types_by_their_kind() {
    let gone = after(client("dictionary"), nowhere().await, "/").await;
    assert_eq!(gone, ["-> dictionary started=1 connect=1"]);
    let closed = after(client("dictionary"), closes().await, "/").await;
    assert_eq!(closed, ["-> dictionary started=1 connection_lost=1"]);

    let monitor = monitor();
    let service = client("dictionary").monitor(monitor).layer(hyper_client());
    let unknown = Request::get("http://dictionary.invalid/").body(Full::default());
    assert!(service.oneshot(unknown.expect("a request")).await.is_err());
    assert_eq!(counts(monitor), ["-> dictionary started=1 connect=1"]);
}

#[tokio::test]
async fn words_of_the_configuration_come_first() {
    let mut config = StorageConfig::default();
    config.errors = ErrorRules::try_new([StatusRule {
        status: "CONNECTION_ERROR".to_owned(),
        service_errors: vec!["refused".to_owned()],
        unhealthy: 1,
    }])
    .expect("rules");
    let monitor = Monitor::new(config);
    let service = client("dictionary").monitor(monitor).layer(hyper_client());
    let lost = service.oneshot(request(nowhere().await, "/")).await;
    assert!(lost.is_err());
    assert_eq!(counts(monitor), ["-> dictionary started=1 refused=1"]);
}

#[tokio::test]
async fn a_time_limit_below_the_layer_is_a_timeout_and_one_around_it_cancels() {
    let slow = || {
        service_fn(|_: Request<Full<Bytes>>| {
            std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
        })
    };
    let limit = || TimeoutLayer::new(Duration::from_millis(10));
    let to = nowhere().await;

    let below = monitor();
    let layer = client("dictionary").monitor(below).boxed_errors();
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(limit())
        .service(slow());
    let error: BoxError = service
        .oneshot(request(to, "/"))
        .await
        .expect_err("too slow");
    assert!(error.is::<tower::timeout::error::Elapsed>());
    assert_eq!(counts(below), ["-> dictionary started=1 timeout=1"]);

    let around = monitor();
    let layer = client("dictionary").monitor(around);
    let service = ServiceBuilder::new()
        .layer(limit())
        .layer(layer)
        .service(slow());
    assert!(service.oneshot(request(to, "/")).await.is_err());
    assert_eq!(counts(around), ["-> dictionary started=1 cancelled=1"]);
}

#[tokio::test]
async fn a_body_that_is_not_asked_for_is_a_success_and_one_left_half_way_is_cancelled() {
    let to = dictionary().await;
    let unread = monitor();
    let service = client("dictionary").monitor(unread).layer(hyper_client());
    drop(
        service
            .oneshot(request(to, "/endless"))
            .await
            .expect("an answer"),
    );
    assert_eq!(counts(unread), ["-> dictionary started=1 ok=1"]);

    let half = monitor();
    let service = client("dictionary").monitor(half).layer(hyper_client());
    let response = service
        .oneshot(request(to, "/endless"))
        .await
        .expect("an answer");
    let mut body = response.into_body();
    body.frame().await.expect("a frame").expect("a first chunk");
    drop(body);
    assert_eq!(counts(half), ["-> dictionary started=1 cancelled=1"]);
}

#[tokio::test]
async fn hosts_are_labels_if_asked_for_and_no_more_than_the_limit() {
    let mut config = StorageConfig::default();
    config.max_series = 2;
    let monitor = Monitor::new(config);
    let answers = || {
        service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        })
    };
    let service = client("shard")
        .label_hosts()
        .monitor(monitor)
        .layer(answers());
    for host in ["a", "b", "c", "d", "a"] {
        let request = Request::get(format!("http://{host}:80/")).body(Full::default());
        service
            .clone()
            .oneshot(request.expect("a request"))
            .await
            .expect("an answer");
    }
    let snapshot = monitor.snapshot();
    let called = snapshot.methods.iter().filter(|method| method.started > 0);
    let labels = called.map(|method| {
        let labels = method.labels.iter();
        let text = labels.map(|label| format!("{}={}", label.name, label.value));
        (text.collect::<Vec<_>>().join(","), method.started)
    });
    let expected = [("host=a", 2), ("host=b", 1), ("overflow=true", 2)];
    let expected = expected.map(|(labels, calls)| (labels.to_owned(), calls));
    assert_eq!(labels.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_client_that_is_never_ready_fails() {
    struct Closed;
    impl tower::Service<Request<Full<Bytes>>> for Closed {
        type Response = Response<Full<Bytes>>;
        type Error = io::Error;
        type Future = std::future::Pending<Result<Self::Response, io::Error>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
        }
        fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
            std::future::pending()
        }
    }
    let monitor = monitor();
    let service = client("dictionary").monitor(monitor).layer(Closed);
    assert!(
        service
            .oneshot(request(nowhere().await, "/"))
            .await
            .is_err()
    );
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=1 connection_lost=1"]
    );
}

#[tokio::test]
async fn reqwest_keeps_its_types_and_its_url() {
    let monitor = monitor();
    let to = dictionary().await;
    let service = client("dictionary")
        .monitor(monitor)
        .layer(reqwest::Client::new());
    let get = |path: &str| {
        let url = format!("http://{to}/{path}").parse().expect("a URL");
        service
            .clone()
            .oneshot(reqwest::Request::new(reqwest::Method::GET, url))
    };
    let response: reqwest::Response = get("200").await.expect("an answer");
    assert_eq!(response.url().path(), "/200");
    assert_eq!(response.content_length(), Some(5));
    assert!(response.remote_addr().is_some());
    assert_eq!(calls(monitor, "-> dictionary").in_flight, 1);
    assert_eq!(response.text().await.expect("a body"), "whale");
    assert_eq!(calls(monitor, "-> dictionary").in_flight, 0);
    assert_eq!(sum_of(monitor, "-> dictionary", "request_size"), None);
    assert_eq!(
        sum_of(monitor, "-> dictionary", "response_size"),
        Some((5.0, 1))
    );

    let error = get("breaks").await.expect("an answer").text().await;
    assert!(error.is_err());
    get("503")
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a body");
    assert_eq!(
        counts(monitor),
        ["-> dictionary started=3 ok=1 http_body=1 http_503=1"]
    );
}

#[tokio::test]
async fn errors_of_reqwest_have_types_by_their_kind() {
    for (to, expected) in [
        (nowhere().await, "connect"),
        (closes().await, "connection_lost"),
    ] {
        let monitor = monitor();
        let service = client("dictionary")
            .monitor(monitor)
            .layer(reqwest::Client::new());
        let url = format!("http://{to}/").parse().expect("a URL");
        let request = reqwest::Request::new(reqwest::Method::GET, url);
        assert!(service.oneshot(request).await.is_err());
        assert_eq!(
            counts(monitor),
            [format!("-> dictionary started=1 {expected}=1")]
        );
    }
}

#[tokio::test]
async fn a_gateway_whose_error_is_that_of_reqwest_has_types_by_its_kind() {
    let monitor = monitor();
    let to = nowhere().await;
    let gateway = service_fn(move |_: Request<Full<Bytes>>| async move {
        reqwest::get(format!("http://{to}/"))
            .await
            .map(Response::<reqwest::Body>::from)
    });
    let service = http().monitor(monitor).layer(gateway);
    assert!(service.oneshot(Request::default()).await.is_err());
    assert_eq!(counts(monitor), ["GET (unmatched) started=1 connect=1"]);
}

#[tokio::test]
async fn the_time_limit_of_reqwest_is_a_timeout() {
    let to = dictionary().await;
    let limit = Duration::from_millis(50);
    // The head never comes, or the rest of the body.
    let silent = serve(Router::new().fallback(std::future::pending::<()>)).await;
    for (to, expected) in [(silent, "timeout=1"), (to, "http_body=1")] {
        let monitor = monitor();
        let limited = reqwest::Client::builder().timeout(limit).build();
        let service = client("dictionary").monitor(monitor);
        let service = service.layer(limited.expect("a client"));
        let url = format!("http://{to}/endless").parse().expect("a URL");
        let request = reqwest::Request::new(reqwest::Method::GET, url);
        if let Ok(response) = service.oneshot(request).await {
            let error = response.text().await.expect_err("too slow");
            assert!(error.is_timeout());
        }
        assert_eq!(
            counts(monitor),
            [format!("-> dictionary started=1 {expected}")]
        );
    }
}
