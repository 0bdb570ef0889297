//! A connection whose server stops.

use bytes::Bytes;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::Security;

fn terms() -> Terms {
    let keeper = Keeper::load(&Security::default()).expect("nothing to load");
    Terms {
        limits: Limits::default(),
        metrics: Arc::default(),
        pages: Arc::default(),
        networks: keeper.networks(),
        keeper: Arc::new(keeper),
    }
}

/// What a client is answered whose request ends when the stop is under way.
async fn answer_while_stopping() -> String {
    let (mut client, server) = tokio::io::duplex(4096);
    let (stopping, stop) = watch::channel(false);
    let service = service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"here"))))
    });
    let shared = Shared {
        service,
        terms: Arc::new(terms()),
        stop,
    };
    let serving = serve(Box::new(server), Peer::Unix, shared, Arc::default());
    let asked = async {
        client.write_all(b"GET / HTTP/1.1\r\n").await.expect("room");
        tokio::task::yield_now().await;
        stopping.send_replace(true);
        tokio::task::yield_now().await;
        client.write_all(b"Host: a\r\n\r\n").await.expect("room");
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::join!(serving, asked).1
}

#[tokio::test]
async fn who_had_begun_to_ask_when_the_server_stops_is_answered() {
    // More than once: without an order it would be chance.
    for _ in 0..20 {
        let answer = answer_while_stopping().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer:?}");
        assert!(answer.ends_with("here"), "{answer:?}");
    }
}
