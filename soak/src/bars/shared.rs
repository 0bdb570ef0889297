//! Many who want the same page at once, and probes beside them.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::crowd::{Crowd, Waits};
use crate::http;
use crate::report::Report;
use crate::server::Server;

const RENDERS: &str = "monitor_scrape_render_seconds_count";

/// Bar 14, and what else is cheap to see.
pub(crate) async fn crowd(report: &mut Report) -> io::Result<()> {
    let server = Server::start("")?;
    let address = server.address;
    let mut idle = probes(address, 200).await;
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
    let mut busy = probes(address, 200).await;
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

async fn probes(server: SocketAddr, count: usize) -> Waits {
    let mut waits = Waits::default();
    for _ in 0..count {
        let answer = http::get(server, "/livez", "").await;
        let answer = answer.ok().filter(|answer| answer.status == 200);
        waits.add(answer.map(|answer| answer.took));
        sleep(Duration::from_millis(5)).await;
    }
    waits
}
