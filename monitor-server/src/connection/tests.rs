//! A connection whose server stops, and one whose time is over.

use bytes::Bytes;
use monitor_core::{Monitor, StorageConfig};
use tokio::io::AsyncReadExt;
use warp::Filter;

use super::*;
use crate::MonitorConfig;
use crate::access::Source;
use crate::listener::connection_table::ConnectionTable;

pub(crate) type Routes = BoxedFilter<(warp::reply::Response,)>;

/// Of a server with default settings, but with these routes and limits.
pub(crate) fn context(
    routes: Routes,
    limits: Limits,
    stop: watch::Receiver<bool>,
) -> Arc<ConnectionContext> {
    let monitor = Monitor::new(StorageConfig::default());
    let server = ServerContext::new(monitor, &MonitorConfig::default());
    Arc::new(ConnectionContext {
        port: None,
        routes,
        limits,
        networks: server.access_control.networks(),
        server: Arc::new(server),
        stop,
    })
}

/// Answers everything, after so long.
pub(crate) fn routes(made_for: Duration) -> Routes {
    let answer = move || async move {
        if !made_for.is_zero() {
            sleep(made_for).await;
        }
        Response::new(Bytes::from_static(b"here").into())
    };
    warp::any().then(answer).boxed()
}

/// The answer to a client whose request ends when the stop is under way.
async fn answer_while_stopping() -> String {
    let (mut client, server) = tokio::io::duplex(4096);
    let (stopping, stop) = watch::channel(false);
    let context = context(routes(Duration::ZERO), Limits::default(), stop);
    let table = ConnectionTable::new(0, Arc::default());
    let slot = table.admit(Source::Unix).expect("room");
    let serving = serve(Box::new(server), Peer::Unix, context, slot);
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

/// The answers to a client that asks again and again, each made for so long: each is complete, but for the last that is
/// cut off; and how the connection ended.
async fn answers(limits: Limits, made_for: Duration) -> (Vec<String>, Ending) {
    let (mut client, server) = tokio::io::duplex(4096);
    let (_stopping, stop) = watch::channel(false);
    let context = context(routes(made_for), limits, stop);
    let table = ConnectionTable::new(0, Arc::default());
    let slot = table.admit(Source::Unix).expect("room");
    let serving = serve(Box::new(server), Peer::Unix, context, Arc::clone(&slot));
    let asked = async {
        let mut answers = Vec::new();
        while client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.is_ok() {
            let mut answer = Vec::new();
            while !answer.ends_with(b"here") {
                match client.read_u8().await {
                    Ok(byte) => answer.push(byte),
                    Err(_) => break,
                }
            }
            if answer.is_empty() {
                break;
            }
            answers.push(String::from_utf8_lossy(&answer).into_owned());
        }
        answers
    };
    let ((), answers) = tokio::join!(serving, asked);
    (answers, slot.note(|slot| slot.ending).expect("open"))
}

#[tokio::test(start_paused = true)]
async fn the_answer_in_hand_at_the_deadline_is_the_last() {
    let limits = Limits::default().connection_timeout(Duration::from_mins(1));
    // Those that end before the deadline, and one that is under way.
    for (made_for, before) in [(7, 8), (29, 2), (31, 1), (61, 0), (89, 0)] {
        let (answers, ending) = answers(limits.clone(), Duration::from_secs(made_for)).await;
        let closes = |answer: &String| answer.contains("connection: close");
        assert_eq!(answers.len(), before + 1, "{made_for}: {answers:?}");
        assert!(answers.iter().all(|answer| answer.ends_with("here")));
        assert!(!answers[..before].iter().any(closes), "{answers:?}");
        assert!(closes(&answers[before]), "{answers:?}");
        assert_eq!(ending, Ending::Deadline);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_outlasts_the_grace_is_cut_off() {
    let limits = Limits::default().connection_timeout(Duration::from_mins(1));
    // As long as a scrape may take after the deadline; where that has no limit, as long as before it.
    for (scrape, answered) in [(30, 89), (5, 64), (0, 119)] {
        let limits = limits.clone().scrape_timeout(Duration::from_secs(scrape));
        for (made_for, expected) in [(answered, 1), (answered + 2, 0), (100_000, 0)] {
            let made_for = Duration::from_secs(made_for);
            let (answers, ending) = answers(limits.clone(), made_for).await;
            assert_eq!(answers.len(), expected, "{scrape} {made_for:?}");
            assert_eq!(ending, Ending::Deadline);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_no_answer_is_the_last() {
    let limits = Limits::default().connection_timeout(Duration::ZERO);
    let asked = answers(limits, Duration::from_secs(100));
    let hour = Duration::from_hours(1);
    let outcome = tokio::time::timeout(hour, asked).await;
    assert!(outcome.is_err(), "{outcome:?}");
}
