//! Bars 3 and 4: clients that stop in the middle, and clients that do not read.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{LINES, options};
use crate::client::{Scrapes, metric};
use crate::process::{Server, mib, until};
use crate::table::Table;
use crate::tls::Pki;

const HEADER: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(6);

/// How long the server keeps the connection of a client that sends this, then nothing, and reads the answer.
async fn held(address: SocketAddr, sent: &'static [u8]) -> Duration {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let _ = stream.write_all(sent).await;
    let begin = Instant::now();
    let ends = async {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    };
    let _ = tokio::time::timeout(DEADLINE * 3, ends).await;
    begin.elapsed()
}

pub(crate) async fn stalls(table: &mut Table) {
    let server = Server::start(&options(&[LINES, "deadline=6000"]));
    let pki = Pki::new("stalls");
    let web = format!("web={}", pki.web("").display());
    let secured = Server::start(&options(&[&web, "deadline=6000"]));
    let phases: [(&str, SocketAddr, &'static [u8], Duration); 7] = [
        ("silence", server.address, b"", HEADER),
        ("1 byte", server.address, b"G", HEADER),
        (
            "half an HTTP/2 preface",
            server.address,
            b"PRI * HTTP/2.0\r\n",
            HEADER,
        ),
        (
            "half a head",
            server.address,
            b"GET /livez HTTP/1.1\r\nHost: x\r\n",
            HEADER,
        ),
        (
            "a stalled TLS hello",
            secured.address,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            HEADER,
        ),
        (
            "idle after an answer",
            server.address,
            b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
            HEADER,
        ),
        (
            "a slow body",
            server.address,
            b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
            DEADLINE,
        ),
    ];
    let started =
        phases.map(|(name, address, sent, limit)| (name, limit, tokio::spawn(held(address, sent))));
    let deaf = tokio::spawn(never_read(server.address));
    for (name, limit, task) in started {
        let took = task.await.unwrap_or(Duration::MAX);
        table.note(
            "3",
            format!("{name}, at most {} s + 1 s", limit.as_secs()),
            format!("{:.1} s", took.as_secs_f64()),
            took < limit + Duration::from_secs(1),
        );
    }
    let took = deaf.await.ok().flatten();
    let is_in_time = took.is_some_and(|took| took < DEADLINE + Duration::from_secs(1));
    table.note(
        "3",
        "never reads, at most 6 s + 1 s",
        format!("{:.1} s", took.unwrap_or_default().as_secs_f64()),
        is_in_time,
    );
}

/// A client that asks for pages and reads nothing; how long until the server reports that it is gone.
async fn never_read(address: SocketAddr) -> Option<Duration> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let begin = Instant::now();
    let ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50);
    let _ = stream.write_all(&ask).await;
    let deadline = "monitor_server_connections_closed_total{reason=\"deadline\"}";
    while begin.elapsed() < DEADLINE * 3 {
        if metric(address, deadline).await >= 1.0 {
            return Some(begin.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

pub(crate) async fn never_reading(table: &mut Table) {
    let (grown, gone) = deaf(1).await;
    table.note(
        "4",
        "memory for 256 clients that never read, less than 8 MiB",
        mib(grown),
        grown < 8 << 20,
    );
    let took = gone.unwrap_or(Duration::MAX);
    table.note(
        "4",
        "all gone by the deadline, 10 s + 1 s",
        format!("{:.1} s", took.as_secs_f64()),
        took < Duration::from_secs(11),
    );
    // More pages each than the sockets take, so that each client holds one that was made for it alone.
    let (grown, _) = deaf(16).await;
    table.note(
        "4",
        "the same with 16 pages each, less than `max_page_bytes` and 32 MiB",
        mib(grown),
        grown < (64 + 32) << 20,
    );
}

/// How much memory grows by 256 clients that ask for so many pages and read none, and how long until they are gone.
async fn deaf(pages: usize) -> (u64, Option<Duration>) {
    let server = Server::start(&options(&[LINES, "deadline=10000", "scrapes=0"]));
    Scrapes::of(server.address, 50).await;
    let before = server.rss();
    let mut clients = Vec::new();
    let begin = Instant::now();
    let ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(pages);
    for _ in 0..256 {
        if let Ok(mut stream) = TcpStream::connect(server.address).await {
            let _ = stream.write_all(&ask).await;
            clients.push(stream);
        }
    }
    let mut most = 0;
    let gone = until(Duration::from_secs(20), || {
        most = most.max(server.rss());
        begin.elapsed() > Duration::from_secs(2) && server.descriptors() < 32
    });
    let gone = gone.await.map(|_| begin.elapsed());
    drop(clients);
    (most.saturating_sub(before), gone)
}
