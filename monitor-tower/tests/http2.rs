//! The layer for HTTP servers over HTTP/2, where requests share a connection.
#![cfg(feature = "axum")]

mod support;

use std::future::{pending, ready};
use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use axum::routing::{get, post};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use monitor_tower::http;
use support::{counts, monitor, serve, sum_of, wait_for, wait_for_end};

type Http2Client = Client<HttpConnector, Full<Bytes>>;

fn client() -> Http2Client {
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http()
}

fn request(to: SocketAddr, path: &str) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://{to}{path}"));
    request.body(Full::from("12345")).expect("a request")
}

#[tokio::test]
async fn bodies_and_trailers_end_requests_as_over_http_1() {
    let monitor = monitor();
    let trailers = || async {
        let trailers = ready(Some(Ok(HeaderMap::new())));
        Body::new(Full::new(Bytes::from_static(b"x")).with_trailers(trailers))
    };
    let broken = || async {
        let chunks = [Ok("half"), Err(io::Error::other("the disk is gone"))];
        Body::from_stream(stream::iter(chunks))
    };
    let routes = Router::new()
        .route("/echo", post(|body: Bytes| ready(body)))
        .route("/trailers", post(trailers))
        .route("/broken", post(broken))
        .layer(http().monitor(monitor));
    let (to, client) = (serve(routes).await, client());
    for path in ["/echo", "/trailers"] {
        let response = client.request(request(to, path)).await.expect("an answer");
        response.into_body().collect().await.expect("a body");
    }
    if let Ok(response) = client.request(request(to, "/broken")).await {
        assert!(response.into_body().collect().await.is_err());
    }
    wait_for_end(monitor).await;
    let expected = [
        "POST /broken started=1 http_body=1",
        "POST /echo started=1 ok=1",
        "POST /trailers started=1 ok=1",
    ];
    assert_eq!(counts(monitor), expected);
    assert_eq!(
        sum_of(monitor, "POST /echo", "request_size"),
        Some((5.0, 1))
    );
    assert_eq!(
        sum_of(monitor, "POST /echo", "response_size"),
        Some((5.0, 1))
    );
}

#[tokio::test]
async fn a_client_that_resets_its_stream_cancels_that_request_alone() {
    let monitor = monitor();
    let endless = || async {
        let first = stream::iter([io::Result::Ok("first")]);
        Body::from_stream(first.chain(stream::pending()))
    };
    let routes = Router::new()
        .route("/endless", post(endless))
        .route("/slow", post(pending::<()>))
        .route("/hello", get(|| ready("hello")).post(|| ready("hello")))
        .layer(http().monitor(monitor));
    let (to, client) = (serve(routes).await, client());
    let slow = tokio::spawn(client.request(request(to, "/slow")));
    let response = client
        .request(request(to, "/endless"))
        .await
        .expect("an answer");
    let mut body = response.into_body();
    body.frame().await.expect("a frame").expect("data");
    wait_for("both are there", || monitor.in_flight() == 2).await;
    drop(body);
    slow.abort();
    wait_for_end(monitor).await;
    let hello = client
        .request(request(to, "/hello"))
        .await
        .expect("an answer");
    hello.into_body().collect().await.expect("a body");
    wait_for_end(monitor).await;
    let expected = [
        "POST /endless started=1 cancelled=1",
        "POST /hello started=1 ok=1",
        "POST /slow started=1 cancelled=1",
    ];
    assert_eq!(counts(monitor), expected);
}
