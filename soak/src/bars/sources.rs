//! A user's gauge that panics, hangs, or has a name that is none.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::http;
use crate::report::Report;
use crate::server::Server;

/// Moods of the gauge, and under which cause it is missed then.
const MOODS: [(u8, &str, &str); 3] = [
    (1, "panics", "source"),
    (3, "has an invalid name", "family"),
    (2, "blocks for 30 s", "overrun"),
];

/// Bar 13.
pub(crate) async fn misbehaving(report: &mut Report) -> io::Result<()> {
    let mut server = Server::start("limits: {gather_timeout: 1}")?;
    for (mood, does, cause) in MOODS {
        let before = missed(server.address, cause).await?;
        server.tell(&format!("mood {mood}"))?;
        let answer = http::get(
            server.address,
            "/metrics",
            "X-Prometheus-Scrape-Timeout-Seconds: 5\r\n",
        )
        .await?;
        let others = http::sample(&answer.body, "started_total").is_some();
        let own = http::sample(&answer.body, "of_user").is_some();
        let count = http::sample(&answer.body, &series(cause)).unwrap_or_default() - before;
        let livez = http::get(server.address, "/livez", "").await?.status;
        let readyz = http::get(server.address, "/readyz", "").await?.status;
        let holds = answer.status == 200
            && answer.took < Duration::from_secs(5)
            && others
            && !own
            && count > 0.5;
        report.say(
            format!("a gauge that {does}: the rest is served in time, and it is counted"),
            format!(
                "{} after {:.2?}, +{count} {cause}",
                answer.status, answer.took
            ),
            holds,
        );
        report.say(
            "liveness and readiness meanwhile: 200",
            format!("{livez}, {readyz}"),
            livez == 200 && readyz == 200,
        );
    }
    let gathered = server.tell("gathered")?;
    for _ in 0..3 {
        http::scrape(server.address).await?;
    }
    let again = server.tell("gathered")?;
    report.say(
        "gathers of one that still hangs",
        format!("{gathered}, then {again}"),
        gathered == again,
    );
    Ok(())
}

fn series(cause: &str) -> String {
    format!("monitor_scrape_errors_total{{cause=\"{cause}\"}}")
}

/// How often the page missed something for this cause.
async fn missed(server: SocketAddr, cause: &str) -> io::Result<f64> {
    let page = http::scrape(server).await?.body;
    Ok(http::sample(&page, &series(cause)).unwrap_or_default())
}
