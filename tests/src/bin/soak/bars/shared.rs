//! Bar 14: many clients request the same page at once; and probes beside them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{LINES, options};
use crate::client::{Scrapes, metric, scrape};
use crate::process::Server;
use crate::table::Table;

const RENDERS: &str = "monitor_scrape_render_seconds_count";

pub(crate) async fn crowd(table: &mut Table) {
    let server = Server::start(&options(&[LINES, "scrapes=0"]));
    let address = server.address;
    let idle = probes(address).await;
    note_probes(
        table,
        "p99 of a probe on an idle server, less than 5 ms",
        &idle,
        5.0,
    );

    let scrapers = scrapers(address, 100, "Accept-Encoding: gzip\r\n");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, begin) = (metric(address, RENDERS).await, Instant::now());
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Asking for the count is a render, too.
    let renders = metric(address, RENDERS).await - before - 1.0;
    let rate = renders / begin.elapsed().as_secs_f64();
    drop(scrapers);
    table.note(
        "14",
        "renders a second for 100 gzip scrapers at once, at most 12",
        format!("{rate:.1}"),
        (0.1..=12.0).contains(&rate),
    );

    let scrapers = self::scrapers(address, 200, "");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let busy = probes(address).await;
    drop(scrapers);
    note_probes(
        table,
        "p99 of a probe beside 200 who scrape, less than 40 ms",
        &busy,
        40.0,
    );
}

fn note_probes(table: &mut Table, what: &str, probes: &Scrapes, most: f64) {
    let p99 = probes.quantile(0.99);
    table.note(
        "14",
        what,
        format!("{p99:.1} ms, {} failed", probes.failed),
        p99 < most && probes.failed == 0,
    );
}

/// Clients that scrape again and again until they are dropped.
fn scrapers(address: SocketAddr, number: usize, headers: &'static str) -> JoinSet<()> {
    let scraper = |_| async move {
        loop {
            scrape(address, headers).await;
        }
    };
    (0..number).map(scraper).collect()
}

/// 200 probes from a thread of their own, where they wait behind no other client.
async fn probes(address: SocketAddr) -> Scrapes {
    let probes = tokio::task::spawn_blocking(move || {
        let mut probes = Scrapes::default();
        for _ in 0..200 {
            let begin = Instant::now();
            let is_fine = probe(address).is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"));
            probes.note(is_fine.then(|| begin.elapsed()));
            std::thread::sleep(Duration::from_millis(5));
        }
        probes
    });
    probes.await.unwrap_or_default()
}

fn probe(address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
