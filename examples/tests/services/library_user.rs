//! The library that instruments itself: in a service that chose its records, and in a tree that did not.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::process::{Service, connect};

#[test]
fn calls_and_numbers_of_the_library_are_on_the_page_of_the_service() {
    let service = Service::start("library_user");
    let mut client = connect(service.address);
    client
        .write_all(b"whale\nwhale\nabcdefghijklmnopqrstuvwxyz\n")
        .expect("it reads");
    let lines = BufReader::new(client).lines().take(3);
    let answers: Vec<_> = lines.map(|line| line.expect("an answer")).collect();
    assert_eq!(answers, ["WHALE", "WHALE", "error: no such key"]);
    for line in [
        "service_requests_total{method=\"LookUp\"} 3",
        "service_requests_total{method=\"ExampleCache::load\"} 2",
        "service_request_errors_total{method=\"ExampleCache::load\",type=\"missing\"} 1",
        // The service's call has the type of the library's error, too.
        "service_request_errors_total{method=\"LookUp\",type=\"missing\"} 1",
        "service_tasks_completed_total 3",
        "example_cache_lookups_total{result=\"hit\"} 1",
        "example_cache_lookups_total{result=\"miss\"} 2",
    ] {
        service.wait_for_metric(line);
    }
    assert_eq!(service.page("/health").status, 200);
    service.terminate();
    assert!(service.wait().success());
}

#[test]
fn without_its_feature_the_library_has_nothing_of_ours_in_its_tree() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "-p", "example-cache", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success());
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    assert!(
        messages.contains("\"name\":\"example_cache\""),
        "{messages}"
    );
    assert!(!messages.contains("\"name\":\"monitor_"), "{messages}");
    assert!(
        !messages.contains("compiler-message"),
        "it has warnings: {messages}"
    );
}
