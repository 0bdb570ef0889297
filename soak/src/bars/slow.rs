//! Clients that send a byte a second, or nothing, beside a scraper that means it.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::long;
use crate::crowd::{Crowd, Waits, scraped, scrapes};
use crate::report::{Report, mib};
use crate::server::Server;

const CONFIG: &str = "limits: {max_connections: 256, header_timeout: 5}";

/// Attackers of either kind.
const EACH: usize = 1000;

/// Bar 1.
pub(crate) async fn held(report: &mut Report) -> io::Result<()> {
    let server = Server::start(CONFIG)?;
    scrapes(server.address, 20).await;
    let mut idle = scrapes(server.address, 200).await;
    let mut crowd = Crowd::default();
    crowd.start(EACH, || slowly(server.address));
    crowd.start(EACH, || silently(server.address));
    sleep(Duration::from_secs(1)).await;
    let mut busy = scrapes(server.address, 200).await;
    let failed = idle.failed + busy.failed;
    report.say(
        "scrapes that fail beside 1,000 slow and 1,000 silent connections: 0 of 200",
        failed,
        failed == 0,
    );
    for (percent, times) in [(50, 2), (99, 5)] {
        let (idle, busy) = (idle.percentile(percent), busy.percentile(percent));
        report.say(
            format!("scrape's p{percent} beside them: below {times} x idle"),
            format!("{busy:.1?}, idle {idle:.1?}"),
            busy < times * idle,
        );
    }
    Ok(())
}

/// Bar 2.
pub(crate) async fn reconnecting(report: &mut Report) -> io::Result<()> {
    let server = Server::start(CONFIG)?;
    let process = server.process();
    scrapes(server.address, 200).await;
    let (memory, descriptors) = (process.memory()?, process.descriptors()?);
    let mut crowd = Crowd::default();
    crowd.start(EACH, || again(server.address, slowly));
    crowd.start(EACH, || again(server.address, silently));
    let (mut waits, mut most_memory, mut most_descriptors) =
        (Waits::default(), memory, descriptors);
    let end = Instant::now() + long();
    while Instant::now() < end {
        waits.add(scraped(server.address).await);
        most_memory = most_memory.max(process.memory()?);
        most_descriptors = most_descriptors.max(process.descriptors()?);
        sleep(Duration::from_millis(50)).await;
    }
    drop(crowd);
    report.say(
        "scrapes that succeed beside 2,000 that reconnect at once: 99.5 %",
        format!("{} of {}", waits.all() - waits.failed, waits.all()),
        waits.failed * 200 <= waits.all(),
    );
    let more = most_descriptors - descriptors;
    report.say("descriptors: cap of 256 + 16", more, more <= 256 + 16);
    let grown = most_memory - memory;
    report.say(
        "memory grows by less than 16 MiB",
        mib(grown),
        grown < 16 << 20,
    );
    sleep(Duration::from_secs(10)).await;
    let left = process.memory()? - memory;
    report.say(
        "10 s later it is back within 2 MiB",
        mib(left),
        left <= 2 << 20,
    );
    Ok(())
}

/// Sends a head, a byte a second.
async fn slowly(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    for byte in b"GET /metrics HTTP/1.1\r\nHost: "
        .iter()
        .chain([b'x'].iter().cycle())
    {
        stream.write_all(&[*byte]).await?;
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Sends nothing.
async fn silently(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

async fn again<F>(server: SocketAddr, client: fn(SocketAddr) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send,
{
    loop {
        // Closed or refused: the next attempt comes at once.
        drop(client(server).await);
        tokio::task::yield_now().await;
    }
}
