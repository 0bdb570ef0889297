//! Bar 9: wrong passwords, many and one by one.

use std::time::{Duration, Instant};

use super::options;
use crate::client::{LOCAL, Scrapes, ask};
use crate::process::Server;
use crate::table::Table;
use crate::tls::users;

/// `ann:secret`, `ann:guess`, `eve:guess`.
const RIGHT: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
const WRONG: &str = "Authorization: Basic YW5uOmd1ZXNz\r\n";
const UNKNOWN: &str = "Authorization: Basic ZXZlOmd1ZXNz\r\n";

/// Threads that check passwords begin so; they write pages too.
const PASSWORD_THREADS: &str = "monitor-pool";

/// A server whose page only `ann` may read.
fn protected() -> (Server, std::path::PathBuf) {
    let name = format!("monitor-soak-passwords-{}.yml", std::process::id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, users(&[("ann", "secret")], 10)).expect("written");
    let web = format!("web={}", file.display());
    (Server::start(&options(&["lines=11000", &web])), file)
}

pub(crate) async fn flood(table: &mut Table, length: Duration) {
    let (server, file) = protected();
    let address = server.address;
    let right = format!("{LOCAL}{RIGHT}");
    let _ = ask(address, "GET", "/metrics", &right).await;
    let used = || [server.cpu_of(PASSWORD_THREADS), server.cpu()];
    let before = used();
    let begin = Instant::now();
    let flood = (0..50).map(|client| {
        tokio::spawn(async move {
            let headers = format!("{LOCAL}{}", if client % 2 == 0 { WRONG } else { UNKNOWN });
            let mut refused = 0_u64;
            while begin.elapsed() < length {
                let answer = ask(address, "GET", "/metrics", &headers).await;
                let is_busy = answer.is_some_and(|answer| answer.status == 429);
                refused += u64::from(is_busy);
                // A client that respects `Retry-After` would wait longer; a flood does not.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            refused
        })
    });
    let flood: Vec<_> = flood.collect();
    let (mut scrapes, mut busy) = (Scrapes::default(), 0);
    while begin.elapsed() < length {
        let answer = ask(address, "GET", "/metrics", &right).await;
        busy += usize::from(answer.as_ref().is_some_and(|answer| answer.status == 429));
        let is_good = answer.filter(|answer| answer.status == 200);
        scrapes.note(is_good.map(|answer| answer.took));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let after = used();
    let cores = |index: usize| (after[index] - before[index]) / begin.elapsed().as_secs_f64();
    let (passwords, all) = (cores(0), cores(1));
    let mut refused = 0;
    for one in flood {
        refused += one.await.unwrap_or_default();
    }
    let p99 = scrapes.quantile(0.99);
    table.note(
        "9",
        format!(
            "scrapes beside 50 clients with wrong passwords, {} s",
            length.as_secs()
        ),
        format!(
            "{} of {}",
            scrapes.number() - scrapes.failed,
            scrapes.number()
        ),
        scrapes.failed == 0,
    );
    table.note(
        "9",
        "their p99, less than 50 ms",
        format!("{p99:.1} ms"),
        p99 < 50.0,
    );
    table.note("9", "429 for the good scraper", busy, busy == 0);
    table.note("9", "429 for the flood", refused, refused > 0);
    table.note(
        "9",
        "CPU of the threads that check passwords, pages included, at most 1 core",
        format!("{passwords:.2} cores, the server in all {all:.2}"),
        passwords <= 1.0,
    );
    let _ = std::fs::remove_file(file);
}

pub(crate) async fn unknown_user(table: &mut Table) {
    let (server, file) = protected();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..200 {
        for (index, headers) in [WRONG, UNKNOWN].into_iter().enumerate() {
            let headers = format!("{LOCAL}{headers}");
            if let Some(answer) = ask(server.address, "GET", "/metrics", &headers).await {
                times[index].push(answer.took.as_secs_f64() * 1e3);
            }
        }
    }
    let [wrong, unknown] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    });
    let apart = (wrong / unknown - 1.0).abs() * 100.0;
    table.note(
        "9",
        "medians of a wrong password and of an unknown user, less than 5 % apart",
        format!("{wrong:.1} ms, {unknown:.1} ms: {apart:.1} %"),
        apart < 5.0,
    );
    let _ = std::fs::remove_file(file);
}
