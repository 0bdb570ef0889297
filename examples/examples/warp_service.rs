//! A warp service with metrics and probes on its own port: the filter of [`MetricServer`] beside its own, below the layer that
//! counts requests (those of the page, too: as `GET /metrics`).
//!
//! ```sh
//! cargo run -p monitor-examples --example warp_service
//! curl -s localhost:8080/words/whale
//! curl -s localhost:8080/metrics
//! ```

use std::borrow::Cow;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use http::request::Parts;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use monitor_core::Monitor;
use monitor_server::{MetricServer, MonitorConfig, ShutdownSignals};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use warp::{Filter, path};

/// warp keeps the patterns of its filters to itself: this one gives them names.
fn route(head: &Parts) -> Option<Cow<'static, str>> {
    match head.uri.path() {
        "/metrics" => Some("/metrics".into()),
        path if path.starts_with("/words/") => Some("/words/{word}".into()),
        _ => None,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
    let words = path!("words" / String).and(warp::get());
    let words = words.map(|word: String| word.len().to_string());
    // Paths that are not its own are left to other filters.
    let filter = words.or(metrics.filter());
    let layers = ServiceBuilder::new().layer(monitor_tower::http().route(route));
    let service = TowerToHyperService::new(layers.service(warp::service(filter)));
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("service at http://{}", listener.local_addr()?);
    println!("metrics at http://{}/metrics", listener.local_addr()?);

    let mut signals = ShutdownSignals::listen()?;
    let mut signal = pin!(signals.recv());
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut signal => break,
        };
        let Ok((stream, _)) = accepted else {
            // One of that connection, or it passes, as at the limit of descriptors.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let mut http = http1::Builder::new();
        let connection = http
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(connections.watch(connection));
    }
    metrics.begin_drain();
    connections.shutdown().await;
    Ok(())
}
