//! The cost of a request through the layer, under axum and without a socket: nanoseconds above a layer that does nothing,
//! the least of many rounds taken in turn.
//!
//! `cargo run --release -p monitor-tower --features axum --example request_cost`

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::Request;
use axum::response::Response;
use axum::routing::get;
use tower::ServiceExt;
use tower::util::MapResponseLayer;

const ROUNDS: usize = 400;
const REQUESTS: u32 = 500;

fn routes() -> Router {
    Router::new().route("/users/{id}", get(|| async { "hello" }))
}

/// One request, whose response is read to its end.
fn request(routes: &Router) {
    let request = Request::get("/users/7").body(Body::empty());
    let mut context = Context::from_waker(Waker::noop());
    let mut served = pin!(routes.clone().oneshot(request.expect("a request")));
    let Poll::Ready(Ok(response)) = served.as_mut().poll(&mut context) else {
        panic!("the handler does not wait");
    };
    let mut body = pin!(response.into_body());
    while !body.is_end_stream() {
        let frame = body.as_mut().poll_frame(&mut context);
        assert!(frame.is_ready(), "the body is in memory");
    }
}

fn round(routes: &Router) -> Duration {
    let start = Instant::now();
    (0..REQUESTS).for_each(|_| request(routes));
    start.elapsed() / REQUESTS
}

fn main() {
    // With a field, as axum clones a layer that has one for each request.
    let unchanged: fn(Response) -> Response = |response| response;
    let cases = [
        ("no layer", routes()),
        (
            "a layer that does nothing",
            routes().layer(MapResponseLayer::new(unchanged)),
        ),
        ("http()", routes().layer(monitor_tower::http())),
    ];
    let mut least = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        for (least, (_, routes)) in least.iter_mut().zip(&cases) {
            *least = round(routes).min(*least);
        }
    }
    for (least, (name, _)) in least.iter().zip(&cases) {
        println!("{:>5} ns  {name}", least.as_nanos());
    }
}
