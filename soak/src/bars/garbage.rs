//! Clients that speak something else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::crowd::{Crowd, scraped, scrapes};
use crate::report::{Report, mib};
use crate::server::Server;

const CLIENTS: usize = 50;
const EACH: usize = 200;

/// How a client's greeting of TLS 1.3 begins.
const TLS_HELLO: &[u8] =
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03soaksoaksoaksoaksoaksoaksoaksoak\x20";

/// Bar 8.
pub(crate) async fn flood(report: &mut Report) -> io::Result<()> {
    let server = Server::start("")?;
    let process = server.process();
    scrapes(server.address, 100).await;
    let (memory, lines) = (process.memory()?, server.log_lines());
    let (asked, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let mut crowd = Crowd::default();
    crowd.start(CLIENTS, || {
        talk(server.address, Arc::clone(&asked), Arc::clone(&refused))
    });
    crowd.ended().await;
    sleep(Duration::from_secs(1)).await;
    let grown = process.memory()? - memory;
    let logged = server.log_lines() - lines;
    let sent = CLIENTS * EACH;
    report.say(
        format!("log lines for {sent} connections of garbage: at most 20"),
        logged,
        logged <= 20,
    );
    report.say(
        "memory grows by less than 4 MiB",
        mib(grown),
        grown < 4 << 20,
    );
    let (asked, refused) = (
        asked.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
    );
    report.say(
        "431 for heads above 16 KiB: all",
        format!("{refused} of {asked}"),
        refused == asked,
    );
    let is_well = scraped(server.address).await.is_some();
    report.say("it serves afterwards", is_well, is_well);
    Ok(())
}

async fn talk(
    server: SocketAddr,
    asked: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
) -> io::Result<()> {
    let long = format!(
        "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n",
        "x".repeat(17 << 10)
    );
    let binary: Vec<u8> = (0..=255).cycle().take(2000).collect();
    for turn in 0..EACH {
        let (bytes, is_long) = match turn % 3 {
            0 => (TLS_HELLO, false),
            1 => (&*binary, false),
            _ => (long.as_bytes(), true),
        };
        let answer = timeout(Duration::from_secs(10), send(server, bytes)).await;
        if is_long {
            asked.fetch_add(1, Ordering::Relaxed);
            let is_refused =
                matches!(answer, Ok(Ok(answer)) if answer.starts_with(b"HTTP/1.1 431"));
            refused.fetch_add(usize::from(is_refused), Ordering::Relaxed);
        }
    }
    Ok(())
}

/// What comes back, as far as it does: the server may close before it read everything.
async fn send(server: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(bytes).await?;
    let mut answer = vec![0; 64];
    let length = stream.read(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}
