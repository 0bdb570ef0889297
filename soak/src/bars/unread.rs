//! Clients that ask for a page and never read it.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::sleep;

use crate::crowd::{Crowd, scrapes};
use crate::report::{Report, mib};
use crate::server::Server;

const CLIENTS: usize = 256;
const LIMIT: Duration = Duration::from_secs(10);

/// Bar 4: as it is meant, one page each; and by those who ask for more pages than the system keeps for a connection.
pub(crate) async fn never_read(report: &mut Report) -> io::Result<()> {
    unread(report, 1, 8 << 20).await?;
    // Of those each connection may hold one, of a render of its own.
    unread(report, 16, 256 * (850 << 10)).await
}

async fn unread(report: &mut Report, pages: usize, limit: i64) -> io::Result<()> {
    let server = Server::start("limits: {connection_timeout: 10}")?;
    let process = server.process();
    scrapes(server.address, 50).await;
    let (memory, descriptors) = (process.memory()?, process.descriptors()?);
    let mut crowd = Crowd::default();
    crowd.start(CLIENTS, || ask_and_wait(server.address, pages));
    let (mut most, mut held) = (memory, 0);
    let mut begun = Instant::now();
    while begun.elapsed() + Duration::from_secs(1) < LIMIT {
        most = most.max(process.memory()?);
        let now = process.descriptors()?.saturating_sub(descriptors);
        if now > held {
            // The last one to be accepted lasts longest.
            (held, begun) = (now, Instant::now());
        }
        sleep(Duration::from_millis(20)).await;
    }
    let grown = most - memory;
    report.say(
        format!(
            "memory for {CLIENTS} that never read {pages} x 850 KiB: below {}",
            mib(limit)
        ),
        format!("{}, {held} held", mib(grown)),
        grown < limit && held > CLIENTS / 2,
    );
    while process.descriptors()? > descriptors + 2 && begun.elapsed() < 3 * LIMIT {
        sleep(Duration::from_millis(20)).await;
    }
    let gone = begun.elapsed();
    report.say(
        format!("{pages} x 850 KiB: all gone by the deadline of 10 s + 1 s"),
        format!("{gone:.2?}"),
        gone <= LIMIT + Duration::from_secs(1),
    );
    Ok(())
}

async fn ask_and_wait(server: SocketAddr, pages: usize) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(server).await?;
    let requests = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(pages);
    stream.write_all(requests.as_bytes()).await?;
    sleep(4 * LIMIT).await;
    Ok(())
}
