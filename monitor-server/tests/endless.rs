//! A server whose every duration is as long as may be: nothing adds it to a time, and nothing panics.

mod served;

use std::time::Duration;

use monitor_server::{Check, Limits};
use served::{eventually, local, page, started, status};

/// The longest that a configuration takes: 31 years.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

#[test]
fn a_server_with_endless_limits_serves_and_stops() {
    let endless = Check::every(Duration::MAX).timeout(Duration::MAX);
    let limits = Limits::default()
        .header_timeout(LONGEST)
        .connection_timeout(LONGEST)
        .stop_grace(LONGEST)
        .gather_timeout(LONGEST)
        .scrape_timeout(LONGEST);
    let config = local()
        .limits(limits)
        .heartbeat_timeout(LONGEST)
        .idle_series(LONGEST)
        .check("db", endless, (), |()| async {
            Ok::<_, std::io::Error>(())
        });
    let server = started(config);
    server.started();
    server.heartbeat().pulse();
    eventually(|| status(server.local_addr(), "/readyz") == "200");
    for path in ["/livez", "/health", "/metrics", "/startupz"] {
        assert_eq!(status(server.local_addr(), path), "200", "{path}");
    }
    let page = page(server.local_addr());
    assert!(
        page.contains("monitor_scrape_errors_total{cause=\"internal\"} 0\n"),
        "{page}"
    );
}
