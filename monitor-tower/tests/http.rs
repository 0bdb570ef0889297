//! The layer for HTTP servers under axum, with real clients over sockets.
#![cfg(feature = "axum")]

mod support;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use support::{counts, exchange, monitor, serve, wait_for_end};

#[tokio::test]
async fn a_request_is_a_call_named_by_verb_and_route_with_the_outcome_of_its_status() {
    let monitor = monitor();
    let user =
        |id: axum::extract::Path<u16>| async move { StatusCode::from_u16(id.0).expect("a status") };
    let router = Router::new()
        .route("/users/{id}", get(user))
        .layer(monitor_tower::http().monitor(monitor));
    let address = serve(router).await;
    for status in ["200", "503", "404", "408"] {
        let answer = exchange(address, "GET", &format!("/users/{status}")).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    wait_for_end(monitor).await;
    assert_eq!(
        counts(monitor),
        ["GET /users/{id} started=4 ok=1 http_503=1 http_404=1 http_408=1"]
    );
}
