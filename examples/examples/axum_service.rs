//! An axum service: routes, state, errors, a time limit, a streamed body, a WebSocket, a check of a dependency, and an end in
//! order.
//!
//! ```sh
//! cargo run -p monitor-examples --example axum_service
//! curl -s localhost:8080/words/whale
//! curl -s localhost:9999/metrics
//! ```
//!
//! `docs/axum.md` explains each part.

use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use monitor_core::{MonitorError, monitored};
use monitor_server::{Check, MonitorConfig, MonitorServer};
use monitor_tower::UpgradeCall;
use tokio::net::TcpListener;
use tower_http::timeout::TimeoutLayer;

/// A client of a store that this service needs.
struct Store(AtomicBool);

#[derive(Debug, thiserror::Error, MonitorError)]
enum StoreError {
    #[error("no such word")]
    #[monitor(error_type = "missing", expected)]
    Missing,
    #[error("the store is away")]
    #[monitor(error_type = "store")]
    Away,
}

impl IntoResponse for StoreError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Away => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, self.to_string()).into_response()
    }
}

impl Store {
    async fn ping(&self) -> Result<(), StoreError> {
        tokio::task::yield_now().await; // a round trip
        let is_there = self.0.load(Ordering::Relaxed);
        is_there.then_some(()).ok_or(StoreError::Away)
    }

    /// A call of its own, made by that of the request.
    #[monitored(method = "Store::find")]
    async fn find(&self, word: &str) -> Result<usize, StoreError> {
        self.ping().await?;
        word.starts_with('w')
            .then_some(word.len())
            .ok_or(StoreError::Missing)
    }
}

#[derive(Clone)]
struct App {
    store: Arc<Store>,
    server: MonitorServer,
}

async fn word(State(app): State<App>, Path(word): Path<String>) -> Result<Json<usize>, StoreError> {
    app.store.find(&word).await.map(Json)
}

/// Takes the store away, or brings it back: for the reader of this example.
async fn store(State(app): State<App>, Json(is_there): Json<bool>) {
    app.store.0.store(is_there, Ordering::Relaxed);
}

async fn sleep(Path(millis): Path<u64>) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// A body in parts: a number each 5 ms. It breaks at the thirteenth.
async fn count(Path(end): Path<u64>) -> Body {
    Body::from_stream(tokio_stream::iter(1..=end).then(part))
}

async fn part(number: u64) -> io::Result<String> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    match number {
        13 => Err(io::Error::other("unlucky")),
        _ => Ok(format!("{number}\n")),
    }
}

/// The call of the request lasts as long as the connection, because this holds it.
async fn echo(upgrade: WebSocketUpgrade, call: UpgradeCall, State(app): State<App>) -> Response {
    upgrade.on_upgrade(move |socket| call.within(echo_until_stopped(socket, app.server)))
}

/// A connection that has no end of its own ends with the listener, after the pause: a client that connects again earlier
/// would come back to this instance.
async fn echo_until_stopped(mut socket: WebSocket, server: MonitorServer) {
    let mut stopping = pin!(server.stopping());
    loop {
        let message = tokio::select! {
            message = socket.recv() => message,
            () = &mut stopping => Some(Ok(Message::Close(None))),
        };
        let Some(Ok(message)) = message else { return };
        let is_last = matches!(message, Message::Close(_));
        if socket.send(message).await.is_err() || is_last {
            return;
        }
    }
}

fn routes(app: App) -> Router {
    let limit = Duration::from_secs(2);
    Router::new()
        .route("/words/{word}", get(word))
        .route("/store", post(store))
        .route("/sleep/{millis}", get(sleep))
        .route("/count/{end}", get(count))
        .route("/echo", get(echo))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            limit,
        ))
        // The last one is the outermost: it sees the answer of the time limit, too.
        .layer(monitor_tower::http())
        .with_state(app)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Arc::new(Store(AtomicBool::new(true)));
    let often = Check::every(Duration::from_millis(100)).ready();
    let config = MonitorConfig::default()
        .check("store", often, Arc::clone(&store), |store| async move {
            store.ping().await
        })
        .drain_pause(Duration::from_millis(500)) // more than the readiness probe needs to fail
        .with_env()?;
    let server = monitor_server::run(config)?;
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("service at http://{}", listener.local_addr()?);
    println!("metrics at http://{}/metrics", server.local_addr());
    let app = App {
        store,
        server: server.clone(),
    };
    let serving = axum::serve(listener, routes(app)).with_graceful_shutdown(server.stopping());
    // After SIGTERM or Ctrl-C: /readyz is 503, the pause, then requests, bodies and connections have 15 s.
    server
        .serve_until_stopped(Duration::from_secs(15), serving)
        .await??;
    Ok(())
}
