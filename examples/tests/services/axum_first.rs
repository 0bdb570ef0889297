//! The axum service of the README: what clients are answered, what its pages say about it, and how many lines it takes.

use std::fs;
use std::path::Path;

use crate::process::{Service, get};

#[allow(dead_code, reason = "it is compiled, and not run")]
#[path = "axum_bare.rs"]
mod bare;

#[test]
fn it_counts_requests_functions_and_errors_and_checks_its_dictionary() {
    let folder = std::env::temp_dir().join(format!("axum_first-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("words.txt"), "whale: a mammal\n").expect("written");
    let service = Service::start_in("axum_first", &folder);
    service.wait_for_status("/readyz", 200);
    assert_eq!(get(service.address, "/words/whale").body, "whale: a mammal");
    assert_eq!(get(service.address, "/words/sea").status, 404);
    assert_eq!(service.page("/health").status, 200);

    fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(get(service.address, "/words/whale").status, 503);
    service.wait_for_metrics([
        "service_requests_total{method=\"GET /words/{word}\"} 3",
        "service_request_errors_total{method=\"GET /words/{word}\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"GET /words/{word}\",type=\"http_503\"} 1",
        "service_requests_total{method=\"Define\"} 3",
        "service_request_errors_total{method=\"Define\",type=\"unknown_word\"} 1",
        "service_request_errors_total{method=\"Define\",type=\"dictionary\"} 1",
        "service_tasks_completed_total 3",
    ]);
    // The check runs each two seconds.
    let health = service.wait_for_status("/health", 503).body;
    assert!(health.contains("\"dictionary\""), "{health}");
    service.wait_for_status("/readyz", 503);
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The program without its documentation.
fn program(path: &str) -> String {
    let source = read(path);
    source
        .split_once("\n\n")
        .expect("documentation")
        .1
        .to_owned()
}

#[test]
fn the_readme_has_it_whole() {
    let program = program("examples/examples/axum_first.rs");
    let is_there = read("README.md").contains(&format!("\n```rust\n{program}```\n"));
    assert!(
        is_there,
        "copy examples/examples/axum_first.rs into README.md"
    );
}

/// Both are formatted by rustfmt: `scripts/test` checks it.
#[test]
fn it_has_at_most_25_lines_more_than_without_us() {
    let lines = |path| {
        program(path)
            .lines()
            .filter(|line| !line.is_empty())
            .count()
    };
    let ours = lines("examples/examples/axum_first.rs");
    let bare = lines("examples/tests/services/axum_bare.rs");
    println!("{ours} lines, {bare} without us");
    assert!(ours <= bare + 25, "{ours} lines, {bare} without us");
}
