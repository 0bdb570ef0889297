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

const LIMIT: Duration = Duration::from_secs(10);

/// Bar 4.
pub(crate) async fn never_read(report: &mut Report) -> io::Result<()> {
    let server = Server::start("limits: {connection_timeout: 10}")?;
    let process = server.process();
    scrapes(server.address, 50).await;
    let (memory, descriptors) = (process.memory()?, process.descriptors()?);
    let begun = Instant::now();
    let mut crowd = Crowd::default();
    crowd.start(256, || unread(server.address));
    let (mut most, mut held) = (memory, 0);
    while begun.elapsed() + Duration::from_secs(1) < LIMIT {
        most = most.max(process.memory()?);
        held = held.max(process.descriptors()?.saturating_sub(descriptors));
        sleep(Duration::from_millis(100)).await;
    }
    let grown = most - memory;
    report.say(
        "memory for 256 that never read a page: below 8 MiB",
        format!("{}, {held} held", mib(grown)),
        grown < 8 << 20 && held > 200,
    );
    while process.descriptors()? > descriptors + 2 && begun.elapsed() < 3 * LIMIT {
        sleep(Duration::from_millis(20)).await;
    }
    let gone = begun.elapsed();
    report.say(
        "all gone by the deadline of 10 s + 1 s",
        format!("{gone:.2?}"),
        gone <= LIMIT + Duration::from_secs(1),
    );
    Ok(())
}

async fn unread(server: SocketAddr) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(server).await?;
    // More than the system keeps for a connection.
    let requests = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(16);
    stream.write_all(requests.as_bytes()).await?;
    sleep(4 * LIMIT).await;
    Ok(())
}
