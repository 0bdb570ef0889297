//! A server whose every duration is as long as may be, or longer: nothing adds it to a time, and nothing panics.

mod served;

use std::time::Duration;

use monitor_server::{Check, Limits};
use served::{eventually, local, page, started, status, turn};

/// The longest that a configuration takes: 31 years.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

fn limits(each: Duration) -> Limits {
    Limits::default()
        .header_timeout(each)
        .connection_timeout(each)
        .stop_grace(each)
        .gather_timeout(each)
        .scrape_timeout(each)
}

#[test]
fn limits_beyond_the_longest_are_an_error() {
    let _turn = turn();
    for each in [Duration::MAX, LONGEST + Duration::from_secs(1)] {
        let error = monitor_server::run(local().limits(limits(each))).map(|_| ());
        let said = error.expect_err("too long").to_string();
        assert!(said.contains("at most 1000000000 seconds"), "{said}");
    }
}

#[test]
fn a_server_with_endless_limits_serves_and_stops() {
    let endless = Check::every(Duration::MAX).timeout(Duration::MAX);
    let config = local()
        .limits(limits(LONGEST))
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
