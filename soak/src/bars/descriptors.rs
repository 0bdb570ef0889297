//! A process that is at its limit of descriptors.

use std::io;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::http;
use crate::report::Report;
use crate::server::Server;

/// Descriptors the process may have, fewer than connections the server may hold.
const DESCRIPTORS: u32 = 64;

/// Bar 7.
pub(crate) async fn none_left(report: &mut Report) -> io::Result<()> {
    let config = "limits: {max_connections: 256, header_timeout: 60}";
    let mut server = Server::start_limited(config, DESCRIPTORS)?;
    http::scrape(server.address).await?;
    let mut held = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        held.push(TcpStream::connect(server.address).await?);
    }
    sleep(Duration::from_secs(1)).await;
    let process = server.process();
    let (cpu, lines, begun) = (process.cpu()?, server.log_lines(), Instant::now());
    sleep(Duration::from_secs(5)).await;
    let elapsed = begun.elapsed();
    let share = process.cpu()?.saturating_sub(cpu).as_secs_f64() / elapsed.as_secs_f64();
    let logged = server.log_lines() - lines;
    report.say(
        "share of a core at the limit: below 5 %",
        format!("{:.1} %", share * 100.0),
        share < 0.05,
    );
    report.say(
        "log lines a second: at most 1",
        format!("{logged} in {elapsed:.1?}"),
        logged <= 6,
    );
    let opened = tokio::task::block_in_place(|| server.tell("open 4"))?;
    report.say(
        "files the service can still open: 4",
        &opened,
        opened == "4",
    );
    tokio::task::block_in_place(|| server.tell("open 0"))?;
    drop(held);
    let begun = Instant::now();
    let answer = http::get(server.address, "/livez", "").await;
    let took = begun.elapsed();
    let status = answer.map_or_else(
        |error| error.to_string(),
        |answer| answer.status.to_string(),
    );
    report.say(
        "answer once descriptors are free: within 100 ms",
        format!("{status} after {took:.1?}"),
        status == "200" && took <= Duration::from_millis(100),
    );
    Ok(())
}
