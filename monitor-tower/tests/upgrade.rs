//! Requests that become `WebSocket`s or tunnels, over sockets.
#![cfg(feature = "axum")]

mod support;

use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::{Request, StatusCode};
use axum::routing::{any, get};
use hyper_util::rt::TokioIo;
use monitor_core::{Monitor, Outcome, monitored};
use monitor_tower::{UpgradeCall, http};
use support::{calls, counts, exchange, monitor, send, serve, wait_for, wait_for_end};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A text frame of a client, with a mask of zeros.
const HI: [u8; 8] = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];

#[monitored(method = "Reply")]
async fn reply(socket: &mut WebSocket) -> bool {
    match socket.recv().await {
        Some(Ok(message)) => socket.send(message).await.is_ok(),
        _ => false,
    }
}

async fn chat(mut socket: WebSocket) {
    while reply(&mut socket).await {}
}

/// Opens a WebSocket, and returns it once the server has replied over it.
async fn open(to: SocketAddr) -> TcpStream {
    let mut client = send(to, HANDSHAKE).await;
    client.write_all(&HI).await.expect("the server reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x02hi") {
        let read = client.read_buf(&mut answer).await.expect("an answer");
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    client
}

async fn serve_chat(monitor: Monitor) -> SocketAddr {
    let handler = |upgrade: WebSocketUpgrade, call: UpgradeCall| async move {
        upgrade.on_upgrade(move |socket| call.within(chat(socket)))
    };
    serve(
        Router::new()
            .route("/chat", get(handler))
            .layer(http().monitor(monitor)),
    )
    .await
}

#[tokio::test]
async fn a_web_socket_is_in_flight_until_the_connection_ends() {
    let monitor = monitor();
    let client = open(serve_chat(monitor).await).await;
    let now = calls(monitor, "GET /chat");
    assert_eq!((now.in_flight, now.success.count()), (1, 0));
    drop(client);
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor)[0], "GET /chat started=1 ok=1");
    let reply = calls(monitor, "Reply");
    assert_eq!(reply.callers[0].caller.as_deref(), Some("GET /chat"));
    assert_eq!(reply.callers.len(), 1);
}

#[tokio::test]
async fn without_its_call_a_web_socket_is_a_success_at_its_head() {
    let monitor = monitor();
    let handler = |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(chat) };
    let routes = Router::new().route("/chat", get(handler));
    let client = open(serve(routes.layer(http().monitor(monitor))).await).await;
    assert_eq!(counts(monitor), ["GET /chat started=1 ok=1"]);
    drop(client);
}

#[tokio::test]
async fn a_request_that_is_held_beside_its_connection_holds_the_call() {
    let monitor = monitor();
    let handler = |mut request: Request<Body>| async {
        tokio::spawn(async move {
            let connection = hyper::upgrade::on(&mut request).await.expect("a tunnel");
            let mut connection = TokioIo::new(connection);
            connection.write_all(b"hello").await.expect("a client");
            connection
                .read_to_end(&mut Vec::new())
                .await
                .expect("a client");
        });
        StatusCode::OK
    };
    let routes = Router::new()
        .fallback(any(handler))
        .layer(http().monitor(monitor));
    let head = "CONNECT example.org:80 HTTP/1.1\r\nhost: example.org:80\r\n\r\n";
    let mut client = send(serve(routes).await, head).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert!(client.read_buf(&mut answer).await.expect("an answer") > 0);
    }
    assert_eq!(calls(monitor, "CONNECT (unmatched)").in_flight, 1);
    drop(client);
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["CONNECT (unmatched) started=1 ok=1"]);
}

#[tokio::test]
async fn a_web_socket_whose_code_panics_is_a_panic_and_one_that_is_dropped_is_cancelled() {
    let panics = monitor();
    let handler = |upgrade: WebSocketUpgrade, call: UpgradeCall| async move {
        upgrade.on_upgrade(move |mut socket| {
            call.within(async move {
                reply(&mut socket).await;
                panic!("in the WebSocket");
            })
        })
    };
    let routes = Router::new().route("/chat", get(handler));
    let client = open(serve(routes.layer(http().monitor(panics))).await).await;
    wait_for_end(panics).await;
    assert_eq!(counts(panics)[0], "GET /chat started=1 panic=1");
    drop(client);

    let dropped = monitor();
    let handler = move |upgrade: WebSocketUpgrade, call: UpgradeCall| async move {
        upgrade.on_upgrade(move |mut socket| async move {
            let replies = call.within(async move {
                reply(&mut socket).await;
                pending::<()>().await;
            });
            let mut replies = Box::pin(replies);
            let has_replied = || calls(dropped, "Reply").success.count() == 1;
            poll_fn(|context| {
                assert!(replies.as_mut().poll(context).is_pending());
                if has_replied() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        })
    };
    let routes = Router::new().route("/chat", get(handler));
    let client = open(serve(routes.layer(http().monitor(dropped))).await).await;
    wait_for_end(dropped).await;
    assert_eq!(counts(dropped)[0], "GET /chat started=1 cancelled=1");
    drop(client);
}

/// Makes a call when it is dropped.
struct CallsInDrop(Monitor);

impl Drop for CallsInDrop {
    fn drop(&mut self) {
        let method = self.0.method("InDrop").expect("a name");
        method.start().finish(Outcome::Success);
    }
}

#[tokio::test]
async fn a_future_that_is_dropped_beside_a_clone_cancels_the_call_when_the_clone_is_dropped() {
    let monitor = monitor();
    let leave = Arc::new(Notify::new());
    let (dropped, left) = (Arc::new(Notify::new()), Arc::clone(&leave));
    let is_dropped = Arc::clone(&dropped);
    let handler = move |upgrade: WebSocketUpgrade, call: UpgradeCall| async move {
        upgrade.on_upgrade(move |_socket| async move {
            let other = call.clone();
            let load = CallsInDrop(monitor);
            drop(call.within(async move {
                let _load = load;
                pending::<()>().await;
            }));
            dropped.notify_one();
            left.notified().await;
            drop(other);
        })
    };
    let routes = Router::new().route("/chat", get(handler));
    let address = serve(routes.layer(http().monitor(monitor))).await;
    let client = send(address, HANDSHAKE).await;
    is_dropped.notified().await;
    assert_eq!(counts(monitor)[0], "GET /chat started=1 in_flight=1");
    let in_drop = calls(monitor, "InDrop");
    assert_eq!(in_drop.callers[0].caller.as_deref(), Some("GET /chat"));
    leave.notify_one();
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor)[0], "GET /chat started=1 cancelled=1");
    drop(client);
}

#[tokio::test]
async fn a_refused_upgrade_and_a_request_for_none_are_ordinary_requests() {
    let monitor = monitor();
    let handler = |_call: UpgradeCall| async { StatusCode::FORBIDDEN };
    let routes = Router::new().route("/chat", get(handler));
    let address = serve(routes.layer(http().monitor(monitor))).await;
    exchange(address, "GET", "/chat").await;
    let client = send(address, HANDSHAKE).await;
    wait_for("both are counted", || {
        calls(monitor, "GET /chat").started == 2
    })
    .await;
    wait_for_end(monitor).await;
    assert_eq!(counts(monitor), ["GET /chat started=2 http_403=2"]);
    drop(client);
}
