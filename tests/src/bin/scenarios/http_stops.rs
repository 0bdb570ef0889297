//! An HTTP service that receives SIGTERM: axum, with a client that has no answer, a part of one, or a WebSocket.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use futures_util::stream::{self, StreamExt};
use monitor_server::{MonitorConfig, MonitorServer};
use monitor_tower::UpgradeCall;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::stops::{serve, start_client};
use crate::{BASE, Result, service_runtime, wait_for_input};

/// The header lines that ask for a WebSocket, with the key of the standard's example.
const WEB_SOCKET: &str = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Runs the service until it has stopped; true if it did so in order.
pub(crate) fn run(name: &str) -> Result<bool> {
    let (path, headers) = match name {
        "60 s request, SIGTERM" => ("/report", ""),
        "stream, SIGTERM" => ("/numbers", ""),
        "stream that ends at a stop, SIGTERM" => ("/numbers/until-stop", ""),
        "WebSocket, SIGTERM" => ("/chat", WEB_SOCKET),
        "WebSocket that is closed at a stop, SIGTERM" => ("/chat/until-stop", WEB_SOCKET),
        _ => return Err(format!("no scenario `{name}`").into()),
    };
    let runtime = service_runtime()?;
    let server = monitor_server::run(MonitorConfig::from_yaml(BASE)?)?;
    let router = Router::new()
        .route("/report", get(report))
        .route("/numbers", get(stream_numbers))
        .route("/numbers/until-stop", get(stream_until_stop))
        .route("/chat", get(chat))
        .route("/chat/until-stop", get(chat_until_stop))
        .layer(monitor_tower::http())
        .with_state(server.clone());
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let client = start_client(listener.local_addr()?, path, headers);
    let serving = axum::serve(listener, router).with_graceful_shutdown(server.stopping());
    serve(&server, runtime, async { serving.await }, client)
}

async fn report() -> &'static str {
    tokio::time::sleep(Duration::from_mins(1)).await;
    "the report"
}

async fn stream_numbers() -> Body {
    let numbers = stream::iter([Ok::<_, Infallible>("1")]);
    Body::from_stream(numbers.chain(stream::pending()))
}

/// Ends with the last number after a stop has begun.
async fn stream_until_stop(State(server): State<MonitorServer>) -> Body {
    let last = async move {
        wait_for_stop(server).await;
        Ok("2")
    };
    let numbers = stream::iter([Ok::<_, Infallible>("1")]);
    Body::from_stream(numbers.chain(stream::once(last)))
}

async fn chat(upgrade: WebSocketUpgrade, call: UpgradeCall) -> Response {
    upgrade.on_upgrade(|socket| call.within(wait_for_ever(socket)))
}

async fn wait_for_ever(_socket: WebSocket) {
    pending::<()>().await;
}

async fn chat_until_stop(
    upgrade: WebSocketUpgrade,
    call: UpgradeCall,
    State(server): State<MonitorServer>,
) -> Response {
    upgrade.on_upgrade(|socket| call.within(close_at_stop(socket, server)))
}

async fn close_at_stop(mut socket: WebSocket, server: MonitorServer) {
    wait_for_stop(server).await;
    // A client that has left needs no frame.
    let _ = socket.send(Message::Close(None)).await;
}

/// Waits until a stop has begun, and then for the work that is left: it lasts as long as the input.
pub(crate) async fn wait_for_stop(server: MonitorServer) {
    server.stopping().await;
    // Both errors are an end of the input.
    let _ = spawn_blocking(wait_for_input).await;
}
