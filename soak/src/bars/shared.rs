//! Many who want the same page at once, and probes beside them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::crowd::{Crowd, Waits};
use crate::http;
use crate::report::Report;
use crate::server::Server;

const RENDERS: &str = "monitor_scrape_render_seconds_count";

/// Bar 14, and what else is cheap to see.
pub(crate) async fn crowd(report: &mut Report) -> io::Result<()> {
    let server = Server::start("limits: {max_scrapes: 512}")?;
    let address = server.address;
    let mut idle = probes(address, 200).await?;
    let p99 = idle.percentile(99);
    report.say(
        "probe's p99 on an idle server: below 5 ms",
        format!("{p99:.2?}"),
        p99 < Duration::from_millis(5) && idle.failed == 0,
    );

    let mut crowd = Crowd::default();
    crowd.start(100, move || async move {
        loop {
            drop(http::get(address, "/metrics", "Accept-Encoding: gzip\r\n").await);
        }
    });
    sleep(Duration::from_secs(1)).await;
    let (before, begun) = (renders(address).await?, Instant::now());
    sleep(Duration::from_secs(5)).await;
    // Those two scrapes themselves are plain, and cost one render each.
    let renders = renders(address).await? - before - 1.0;
    let rate = renders / begun.elapsed().as_secs_f64();
    report.say(
        "renders a second for 100 gzip scrapers at once: at most 12",
        format!("{rate:.1}"),
        rate <= 12.0,
    );
    drop(crowd);

    let mut flood = Crowd::default();
    flood.start(200, move || async move {
        loop {
            drop(http::scrape(address).await);
        }
    });
    sleep(Duration::from_secs(1)).await;
    let mut busy = probes(address, 200).await?;
    let p99 = busy.percentile(99);
    report.say(
        "probe's p99 beside 200 who scrape: below 40 ms",
        format!("{p99:.1?}, {} failed", busy.failed),
        p99 < Duration::from_millis(40) && busy.failed == 0,
    );
    Ok(())
}

async fn renders(server: SocketAddr) -> io::Result<f64> {
    let page = http::scrape(server).await?.body;
    http::sample(&page, RENDERS).ok_or_else(|| io::Error::other("no count of renders"))
}

/// Probes from a thread of their own, which waits behind no other client.
async fn probes(server: SocketAddr, count: usize) -> io::Result<Waits> {
    let probes = tokio::task::spawn_blocking(move || {
        let mut waits = Waits::default();
        for _ in 0..count {
            let begun = Instant::now();
            let is_fine = probe(server).is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"));
            waits.add(is_fine.then(|| begun.elapsed()));
            std::thread::sleep(Duration::from_millis(5));
        }
        waits
    });
    Ok(probes.await?)
}

fn probe(server: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
