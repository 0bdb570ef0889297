//! Bars 1 and 2: clients that are slow or silent, and reconnect.

use std::time::{Duration, Instant};

use super::{CAP, LINES, options};
use crate::client::{Attackers, Scrapes, scrape};
use crate::process::{Server, mib};
use crate::table::Table;

pub(crate) async fn slow_and_silent(table: &mut Table) {
    let server = Server::start(&options(&[LINES]));
    Scrapes::of(server.address, 20).await;
    let idle = Scrapes::of(server.address, 200).await;
    let attackers = Attackers::start(server.address, 1000, false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let under = Scrapes::of(server.address, 200).await;
    drop(attackers);
    let succeeded = under.number() - under.failed;
    table.note(
        "1",
        "scrapes beside 1,000 slow and 1,000 silent clients",
        format!("{succeeded} of 200"),
        succeeded == 200,
    );
    for (name, share, most) in [("p50", 0.5, 2.0), ("p99", 0.99, 5.0)] {
        let (idle, under) = (idle.quantile(share), under.quantile(share));
        table.note(
            "1",
            format!("{name} beside them, less than {most} x idle"),
            format!("{under:.1} ms, idle {idle:.1} ms"),
            under < most * idle,
        );
    }
}

pub(crate) async fn reconnecting(table: &mut Table, length: Duration) {
    let server = Server::start(&options(&[LINES]));
    Scrapes::of(server.address, 50).await;
    let before = server.rss();
    let attackers = Attackers::start(server.address, 1000, true);
    let begin = Instant::now();
    let (mut scrapes, mut most_descriptors, mut most_rss) = (Scrapes::default(), 0, 0);
    while begin.elapsed() < length {
        scrapes.note(scrape(server.address, "").await);
        most_descriptors = most_descriptors.max(server.descriptors());
        most_rss = most_rss.max(server.rss());
    }
    drop(attackers);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let after = server.rss();
    let share = scrapes.per_mille();
    table.note(
        "2",
        format!(
            "scrapes while they come again at once, {} s, 99.5 %",
            length.as_secs()
        ),
        format!(
            "{} of {}",
            scrapes.number() - scrapes.failed,
            scrapes.number()
        ),
        share >= 995,
    );
    table.note(
        "2",
        format!("descriptors, at most {CAP} + 16"),
        most_descriptors,
        most_descriptors <= CAP + 16,
    );
    let grown = most_rss.saturating_sub(before);
    table.note(
        "2",
        "memory grown, less than 16 MiB",
        mib(grown),
        grown < 16 << 20,
    );
    let left = after.saturating_sub(before);
    table.note(
        "2",
        "of it left 10 s after, at most 2 MiB",
        mib(left),
        left <= 2 << 20,
    );
}
