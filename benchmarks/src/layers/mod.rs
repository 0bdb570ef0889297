//! Layers that record requests: one axum application, bare and below each of them, called in process.
//!
//! A request goes the way it goes in a server: the application is cloned for it, answers, and its body is read to the
//! end. There is no connection, no runtime and no waiting, so the figures are those of the code.
//!
//! axum boxes the future and the service of each route once more for any layer, even for one that does nothing. The
//! candidate [`EMPTY`] is that share, which is the same for all.

mod by_hand;

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request};
use axum::http::header::HOST;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::routing::get;
use axum_otel_metrics::HttpMetricsLayerBuilder;
use axum_prometheus::PrometheusMetricLayer;
use futures_util::{FutureExt, stream};
use http_body_util::BodyExt;
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use tower::Service;
use tower::layer::layer_fn;

use crate::exporter::EXPORTER;

pub(crate) const GET: &str = "request";
pub(crate) const STREAM: &str = "body of 16 chunks";
pub(crate) const FAILURE: &str = "answer 500";

/// A layer that does nothing.
pub(crate) const EMPTY: &str = "an empty layer";
pub(crate) const OURS: &str = "monitor-tower";
pub(crate) const AXUM_PROMETHEUS: &str = "axum-prometheus";
pub(crate) const AXUM_OTEL: &str = "axum-otel-metrics";
pub(crate) const BY_HAND: &str = "prometheus by hand";

/// Chunks of the body of [`STREAM`].
const CHUNKS: usize = 16;

/// Each row and the path of its request.
pub(crate) const ROWS: [(&str, &str); 3] = [
    (GET, "/users/42"),
    (STREAM, "/export"),
    (FAILURE, "/broken"),
];

/// The application without a layer.
pub(crate) fn bare() -> Router {
    ready(routes())
}

/// An application as a server has it: axum makes its services once, as `axum::serve` has it do, and not for each request.
fn ready(application: Router) -> Router {
    application.with_state(())
}

fn routes() -> Router {
    Router::new()
        .route("/users/{id}", get(user))
        .route("/export", get(export))
        .route("/broken", get(broken))
}

/// The application below each layer, outermost, as the layer's documentation has it.
pub(crate) fn layered() -> [(&'static str, Router); 5] {
    LazyLock::force(&EXPORTER);
    let otel = HttpMetricsLayerBuilder::new().with_provider(meters());
    let layered = [
        (EMPTY, routes().layer(layer_fn(|route| route))),
        (OURS, routes().layer(monitor_tower::http())),
        (
            AXUM_PROMETHEUS,
            routes().layer(PrometheusMetricLayer::new()),
        ),
        (AXUM_OTEL, routes().layer(otel.build())),
        (BY_HAND, routes().layer(by_hand::Layer::new())),
    ];
    layered.map(|(name, application)| (name, ready(application)))
}

/// A provider whose instruments record, as one with an exporter's.
fn meters() -> SdkMeterProvider {
    let reader = ManualReader::builder().build();
    SdkMeterProvider::builder().with_reader(reader).build()
}

async fn user(Path(id): Path<u64>) -> &'static str {
    if id == 0 { "none" } else { "a small body" }
}

async fn export() -> Body {
    let chunk = || Ok::<_, Infallible>(Bytes::from_static(b"a part of a body"));
    Body::from_stream(stream::iter((0..CHUNKS).map(move |_| chunk())))
}

async fn broken() -> (StatusCode, &'static str) {
    (StatusCode::INTERNAL_SERVER_ERROR, "broken")
}

/// Sends a request and reads the body of its answer to the end; the body's length in bytes.
#[inline]
pub(crate) fn send(application: &Router, uri: &Uri) -> usize {
    let answered = answer(application.clone(), request(uri));
    answered.now_or_never().expect("nothing waits")
}

/// A request of HTTP/1.1, which has a host.
fn request(uri: &Uri) -> Request {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("localhost:8080"));
    request
}

async fn answer(mut application: Router, request: Request) -> usize {
    let Ok(response) = application.call(request).await;
    let mut body = response.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("no body breaks");
        length += frame.data_ref().map_or(0, Bytes::len);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_records_and_leaves_the_answers_as_they_are() {
        let lengths =
            |application: &Router| ROWS.map(|(_, path)| send(application, &Uri::from_static(path)));
        assert_eq!(lengths(&bare()), [12, 16 * CHUNKS, 6]);
        for (name, application) in layered() {
            assert_eq!(lengths(&application), lengths(&bare()), "{name}");
        }
        assert!(monitor_core::Monitor::global().has_method("GET /users/{id}"));
        let page = EXPORTER.render();
        assert!(page.contains("endpoint=\"/users/{id}\""), "{page}");
    }

    #[test]
    fn the_layer_by_hand_counts_by_route_and_status() {
        let layer = by_hand::Layer::new();
        let application = ready(routes().layer(layer.clone()));
        for (_, path) in ROWS {
            send(&application, &Uri::from_static(path));
        }
        assert_eq!(layer.requests(["GET", "/users/{id}", "200"]), 1);
        assert_eq!(layer.requests(["GET", "/broken", "500"]), 1);
        assert_eq!(layer.in_flight(), 0);
    }
}
