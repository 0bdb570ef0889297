//! Bar 7: at the limit of descriptors.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::options;
use crate::client::{LOCAL, ask};
use crate::process::Server;
use crate::table::Table;

const LIMIT: usize = 200;

pub(crate) async fn at_the_limit(table: &mut Table) {
    // The server computes the service's share of the descriptors at its start, so the limit is set at the start.
    let mut server = Server::start(&options(&["slow=9000", &format!("descriptors={LIMIT}")]));
    let address = server.address;
    let clients: Vec<_> = crowd(&server, 400).await;
    let left: usize = server.command("take 0").parse().unwrap_or(0);
    table.note(
        "7",
        format!("files the service can open beside 400 clients, of {LIMIT} descriptors"),
        left,
        left >= LIMIT / 4,
    );
    drop(clients);
    tokio::time::sleep(Duration::from_millis(200)).await;

    // The service takes all free descriptors repeatedly, until slow scrapes hold all of the server's.
    let mut slow = Vec::new();
    for _ in 0..4 {
        let _ = server.command("take 0");
        slow.push(tokio::spawn(async move {
            ask(address, "GET", "/metrics", LOCAL).await
        }));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let _ = server.command("take 0");
    let waiting = tokio::spawn(async move {
        let answer = ask(address, "GET", "/livez", LOCAL).await;
        answer.map(|_| Instant::now())
    });
    let (cpu, lines) = (server.cpu(), server.log().len());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let used = (server.cpu() - cpu) / 5.0 * 100.0;
    let lines = server.log().len() - lines;
    table.note(
        "7",
        "CPU at the limit, less than 5 % of a core",
        format!("{used:.1} %"),
        used < 5.0,
    );
    table.note("7", "log lines in 5 s, at most 5", lines, lines <= 5);
    let waited = !waiting.is_finished();
    let freed = Instant::now();
    let _ = server.command("give 1");
    let answered = waiting.await.ok().flatten();
    let took = answered.map(|at| at.saturating_duration_since(freed));
    let measured = match took {
        Some(took) => format!(
            "{} ms{}",
            took.as_millis(),
            if waited { "" } else { ", before that already" }
        ),
        None => "none".to_owned(),
    };
    let is_in_time = took.is_some_and(|took| took <= Duration::from_millis(100));
    table.note(
        "7",
        "an answer after a descriptor is free, at most 100 ms",
        measured,
        is_in_time,
    );
    let _ = server.command("give 1000");
    for one in slow {
        drop(one.await);
    }
}

async fn crowd(server: &Server, number: usize) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    for _ in 0..number {
        clients.extend(TcpStream::connect(server.address).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    clients
}
