//! The printed report: the build, the rows, and last the promises.

use crate::beside::Beside;
use crate::harness::{Figures, Results};
use crate::promises::Promise;
use crate::rows::{IDEAL, SYNC_OK};
use crate::scrape::Scrapes;
use crate::served::Served;

/// Prints the settings of the build that change the measurements.
pub(crate) fn build() {
    let manifest = include_str!("../../Cargo.toml");
    let profile = manifest.split("[profile.release]").nth(1);
    let lines = profile.and_then(|rest| rest.split("\n[").next());
    let settings: Vec<&str> = lines
        .into_iter()
        .flat_map(str::lines)
        .filter(|line| !line.is_empty())
        .collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "profile release of the workspace ({}; else cargo's defaults: opt-level 3, lto off, 16 codegen units), {cores} cores; pinned are only the threads of the rows for two",
        settings.join(", ")
    );
    for (name, value) in [
        ("lto", option_env!("CARGO_PROFILE_RELEASE_LTO")),
        (
            "codegen-units",
            option_env!("CARGO_PROFILE_RELEASE_CODEGEN_UNITS"),
        ),
        ("rustflags", option_env!("RUSTFLAGS")),
    ] {
        if let Some(value) = value {
            println!("environment: {name} = {value}");
        }
    }
    println!("peers: {}", peers().join(", "));
    if cfg!(debug_assertions) {
        println!("a debug build: its figures mean nothing");
    }
}

/// The peers and their versions, as the build has them.
fn peers() -> Vec<String> {
    const NAMES: [&str; 12] = [
        "autometrics",
        "axum-otel-metrics",
        "axum-prometheus",
        "foundations-metrics",
        "hotpath",
        "measured",
        "metered",
        "metrics",
        "metrics-exporter-prometheus",
        "metriken",
        "prometheus",
        "prometheus-client",
    ];
    let versions = |name: &'static str| {
        let lock = include_str!("../../Cargo.lock");
        let packages = lock.split("[[package]]").filter_map(move |package| {
            let rest = package.trim_start().strip_prefix("name = \"")?;
            let rest = rest.strip_prefix(name)?;
            rest.strip_prefix("\"\nversion = \"")?.split('"').next()
        });
        packages.map(move |version| format!("{name} {version}"))
    };
    NAMES.into_iter().flat_map(versions).collect()
}

/// Prints the rows about recording.
pub(crate) fn rows(results: &Results) {
    println!(
        "\n{:<24} {:<26} {:>8} {:>22} {:>8}",
        "row", "candidate", "bare ns", "adds ns  [quartiles]", "x ideal"
    );
    let mut last = "";
    for (row, candidate) in results.cells() {
        let title = if row == last { "" } else { row };
        last = row;
        let base = results.base(row, candidate);
        let added = results.overhead(row, candidate);
        let ideal = if results.has(row, IDEAL) {
            row
        } else {
            SYNC_OK
        };
        let ratio = if results.has(ideal, IDEAL) {
            let ratio = results.ratio((row, candidate), (ideal, IDEAL));
            format!("{:.2}", ratio.median)
        } else {
            "-".to_owned()
        };
        println!(
            "{title:<24} {candidate:<26} {:>8.1} {:>8.1} {:>13} {ratio:>8}",
            base.median,
            added.median,
            quartiles(added, 1),
        );
    }
}

/// Prints the calls beside scrapers.
pub(crate) fn beside(beside: &Beside) {
    println!(
        "\n{:<24} {:>8} {:>22}",
        "calls between work", "ns", "[quartiles]"
    );
    let with = format!("4 scrapers, {} lines", beside.lines);
    for (name, figures) in [
        ("no scraper", beside.alone()),
        (with.as_str(), beside.beside()),
    ] {
        println!(
            "{name:<24} {:>8.1} {:>22}",
            figures.median,
            quartiles(figures, 1)
        );
    }
}

/// Prints the pages.
pub(crate) fn scrapes(scrapes: &Scrapes) {
    println!(
        "\n{:<28} {:>8} {:>10} {:>10} {:>18} {:>12}",
        "page (processor time)", "lines", "bytes", "ns a line", "[quartiles]", "x best peer"
    );
    for size in &scrapes.0 {
        for one in &size.candidates {
            let figures = one.figures();
            let best = size.best_peer().map(|best| one.ratio(best).median);
            let best = best.map_or_else(|| "-".to_owned(), |best| format!("{best:.2}"));
            println!(
                "{:<28} {:>8} {:>10} {:>10.1} {:>18} {best:>12}",
                one.name,
                one.lines,
                one.bytes,
                figures.median,
                quartiles(figures, 1),
            );
        }
    }
}

/// Prints the scrapes over HTTP.
pub(crate) fn served(served: &Served) {
    println!(
        "\n{:<28} {:>10} {:>8} {:>18}",
        "100,000 lines with gzip", "bytes", "ms", "[quartiles]"
    );
    for (name, bytes, figures) in [
        ("a scrape over HTTP", served.bytes, served.scraped()),
        ("compressing alone", served.bytes, served.compressed()),
        (
            "a scrape in protobuf",
            served.protobuf_bytes,
            served.scraped_protobuf(),
        ),
    ] {
        println!(
            "{name:<28} {bytes:>10} {:>8.1} {:>18}",
            figures.median,
            quartiles(figures, 1)
        );
    }
}

/// Prints the promises.
pub(crate) fn promises(promises: &[Promise]) {
    println!(
        "\n{:<44} {:>8} {:>16} {:>6} {:<14} {:<8} verdict",
        "promise", "median", "[quartiles]", "bar", "", "due"
    );
    for promise in promises {
        let verdict = if promise.holds() {
            "holds"
        } else {
            "falls short"
        };
        println!(
            "{:<44} {:>8.2} {:>16} {:>6} {:<14} {:<8} {verdict}",
            promise.what,
            promise.figures.median,
            quartiles(promise.figures, 2),
            promise.bar,
            promise.unit,
            promise.due,
        );
    }
}

fn quartiles(figures: Figures, digits: usize) -> String {
    format!("[{:.digits$}..{:.digits$}]", figures.lower, figures.upper)
}
