//! Bar 8: ten thousand connections with garbage.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{LINES, options};
use crate::client::{LOCAL, Scrapes, ask, metric, value};
use crate::process::{Server, mib};
use crate::table::Table;

const NUMBER: usize = 10_000;
const SIDE_BY_SIDE: usize = 20;

pub(crate) async fn flood(table: &mut Table) {
    let server = Server::start(&options(&[LINES]));
    let address = server.address;
    Scrapes::of(address, 50).await;
    let (memory, lines) = (server.rss(), server.log().len());
    let clients = (0..SIDE_BY_SIDE).map(|_| {
        tokio::spawn(async move {
            for kind in 0..NUMBER / SIDE_BY_SIDE {
                send(address, kind).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        let _ = client.await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let lines = &server.log()[lines..];
    let panics = lines
        .iter()
        .filter(|line| line.contains("panicked"))
        .count();
    table.note(
        "8",
        format!("panics in {NUMBER} garbage connections"),
        panics,
        panics == 0,
    );
    table.note("8", "log lines, at most 20", lines.len(), lines.len() <= 20);
    let page = ask(address, "GET", "/metrics", LOCAL)
        .await
        .map(|answer| answer.text());
    let page = page.unwrap_or_default();
    let name = "monitor_server_connections";
    let closed = page
        .lines()
        .filter(|line| line.starts_with(&format!("{name}_closed_total{{")));
    let closed: f64 = closed
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    let open = value(&page, name).unwrap_or(f64::NAN);
    let accepted = value(&page, &format!("{name}_accepted_total")).unwrap_or(f64::NAN);
    table.note(
        "8",
        "counters add up: accepted = open + closed",
        format!("{accepted} = {open} + {closed}"),
        (accepted - open - closed).abs() < 0.5,
    );
    let malformed = metric(
        address,
        &format!("{name}_closed_total{{reason=\"malformed\"}}"),
    )
    .await;
    table.note(
        "8",
        "counted as malformed or broken",
        malformed,
        malformed > 0.0,
    );
    let grown = server.rss().saturating_sub(memory);
    table.note(
        "8",
        "memory grown, less than 4 MiB",
        mib(grown),
        grown < 4 << 20,
    );
    let long = format!("{LOCAL}X: {}\r\n", "a".repeat(17_000));
    let status = ask(address, "GET", "/livez", &long)
        .await
        .map_or(0, |answer| answer.status);
    table.note("8", "a head of 17 KB, 431", status, status == 431);
}

/// A TLS hello, binary, a head that is too long, HTTP/2.
async fn send(address: std::net::SocketAddr, kind: usize) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return;
    };
    let oversize = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(20_000));
    let garbage: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\xff\xfe\x01\r\n\r\n",
        oversize.as_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let _ = stream.write_all(garbage[kind % garbage.len()]).await;
    let read = async {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let _ = tokio::time::timeout(Duration::from_secs(7), read).await;
}
