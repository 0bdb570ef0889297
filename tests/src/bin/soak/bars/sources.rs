//! Bar 13: a gauge of the service's that panics, hangs, or has a name that is none.

use std::time::Duration;

use super::{LINES, options};
use crate::client::{LOCAL, ask, metric, value};
use crate::process::Server;
use crate::table::Table;

/// Its moods (see `moody.rs`), and the cause that counts its absence in each.
const MOODS: [(u8, &str, &str); 3] = [
    (1, "panics", "source"),
    (3, "has an invalid name", "family"),
    (2, "blocks for 30 s", "overrun"),
];

/// The scrape timeout that the scraper sends.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn misbehaving(table: &mut Table) {
    let mut server = Server::start(&options(&[LINES, "moody=1", "gather=1000"]));
    for (mood, does, cause) in MOODS {
        let series = format!("monitor_scrape_errors_total{{cause=\"{cause}\"}}");
        let before = metric(server.address, &series).await;
        server.command(&format!("mood {mood}"));
        let headers = format!("{LOCAL}X-Prometheus-Scrape-Timeout-Seconds: 5\r\n");
        let answer = ask(server.address, "GET", "/metrics", &headers).await;
        let (status, took) = answer
            .as_ref()
            .map_or((0, PATIENCE), |answer| (answer.status, answer.took));
        let page = answer.map(|answer| answer.text()).unwrap_or_default();
        let others = value(&page, "service_tasks_started_total").is_some();
        let own = value(&page, "moody").is_some();
        let more = value(&page, &series).unwrap_or_default() - before;
        table.note(
            "13",
            format!(
                "a gauge that {does}: all else is served within the scrape's 5 s, and it is counted"
            ),
            format!("{status} after {took:.2?}, +{more} {cause}"),
            status == 200 && took < PATIENCE && others && !own && more > 0.5,
        );
        let mut probes = Vec::new();
        for probe in ["/livez", "/readyz"] {
            let answer = ask(server.address, "GET", probe, LOCAL).await;
            probes.push(answer.map_or(0, |answer| answer.status));
        }
        table.note(
            "13",
            "alive and ready meanwhile",
            format!("{probes:?}"),
            probes == [200, 200],
        );
    }
    let gathered = server.command("gathered");
    for _ in 0..3 {
        ask(server.address, "GET", "/metrics", LOCAL).await;
    }
    let later = server.command("gathered");
    table.note(
        "13",
        "gathers of one that hangs, in 3 more scrapes",
        format!("{gathered}, then {later}"),
        gathered == later,
    );
}
