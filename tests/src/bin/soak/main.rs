//! Attacks a monitor server in a process of its own and prints the measurement of each bar, and whether the bar holds.
//!
//!     soak                 all bars
//!     soak 1 9             these bars
//!
//! The bars are the promises of `docs/security.md` and `docs/operations.md` in figures; the reference load is a page of 11,000
//! lines, 256 connections at most, 5 s for a request's head, loopback. `SOAK_SECONDS` is how long the long ones (2, 9, 15) run;
//! without it 60, 30 and 600 seconds. Needs Linux, and `prlimit` (util-linux) for its own limit of descriptors.

mod bars;
mod client;
mod moody;
mod process;
mod rotation;
mod serve;
mod table;
mod tls;

use std::process::ExitCode;
use std::time::Duration;

use table::Table;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().map(String::as_str) == Some("serve") {
        return serve::main(&arguments[1..]);
    }
    process::raise_own_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut table = Table::default();
    runtime.block_on(run(&arguments, &mut table));
    table.print();
    if table.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How long a long bar runs.
fn seconds(default: u64) -> Duration {
    let given = std::env::var("SOAK_SECONDS").ok();
    Duration::from_secs(given.and_then(|text| text.parse().ok()).unwrap_or(default))
}

async fn run(wanted: &[String], table: &mut Table) {
    let is_wanted = |bar: &str| wanted.is_empty() || wanted.iter().any(|one| one == bar);
    if is_wanted("1") {
        bars::slow::slow_and_silent(table).await;
    }
    if is_wanted("2") {
        bars::slow::reconnecting(table, seconds(60)).await;
    }
    if is_wanted("3") {
        bars::stalls::stalls(table).await;
    }
    if is_wanted("4") {
        bars::stalls::never_reading(table).await;
    }
    if is_wanted("5") {
        bars::life::stop(table).await;
        bars::life::restart(table);
    }
    if is_wanted("6") {
        bars::life::refused(table);
    }
    if is_wanted("7") {
        bars::descriptors::at_the_limit(table).await;
    }
    if is_wanted("8") {
        bars::garbage::flood(table).await;
    }
    if is_wanted("9") {
        bars::passwords::flood(table, seconds(30)).await;
        bars::passwords::unknown_user(table).await;
    }
    if is_wanted("10") {
        bars::matrix::matrix(table).await;
    }
    if is_wanted("13") {
        bars::sources::misbehaving(table).await;
    }
    if is_wanted("14") {
        bars::shared::crowd(table).await;
    }
    if is_wanted("15") {
        rotation::rotate(table, seconds(600)).await;
    }
}
