//! Error types that code names, on the pages of a server without any configuration but its address.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use monitor_core::{MonitorError, monitored};
use monitor_server::{MonitorConfig, run};

#[derive(Debug, thiserror::Error, MonitorError)]
enum StoreError {
    #[error("no route")]
    #[monitor(error_type = "db_io", status = CONNECTION_ERROR)]
    Unreachable,
    #[error("no such key")]
    #[monitor(expected)]
    KeyNotFound,
    #[error("broken page")]
    #[monitor(status = FATAL)]
    Corrupt,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot load")]
struct LoadError(#[source] StoreError);

#[monitored]
fn load(error: Option<StoreError>) -> anyhow::Result<()> {
    error.map_or(Ok(()), |error| Err(LoadError(error).into()))
}

#[monitored]
fn load_boxed(error: Option<StoreError>) -> Result<(), Box<dyn Error + Send + Sync>> {
    error.map_or(Ok(()), |error| Err(Box::new(error).into()))
}

#[monitored(error_type = "full", expected("full"))]
fn enqueue() -> Result<(), String> {
    Err("no room".to_owned())
}

fn page(address: SocketAddr) -> Vec<String> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_has(page: &[String], line: &str) {
    assert!(
        page.iter().any(|one| one == line),
        "no line {line} in {:#?}",
        page.iter()
            .filter(|line| line.starts_with("service_"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn types_named_in_code_exist_without_a_configuration() {
    let config = MonitorConfig::default().listen([127, 0, 0, 1]).port(0);
    let server = run(config).expect("a free port");
    let at_start = page(server.local_addr());
    for name in ["db_io", "key_not_found", "corrupt", "full", "other"] {
        let line = format!("service_request_errors_total{{method=\"load\",type=\"{name}\"}} 0");
        assert_has(&at_start, &line);
    }

    load(Some(StoreError::Unreachable)).expect_err("unreachable");
    load(Some(StoreError::KeyNotFound)).expect_err("no such key");
    load_boxed(Some(StoreError::Corrupt)).expect_err("corrupt");
    load_boxed(Some(StoreError::KeyNotFound)).expect_err("no such key");
    enqueue().expect_err("full");
    let page = page(server.local_addr());
    for line in [
        "service_request_errors_total{method=\"load\",type=\"db_io\"} 1",
        "service_request_errors_total{method=\"load\",type=\"key_not_found\"} 1",
        "service_request_errors_total{method=\"load\",type=\"other\"} 0",
        "service_request_errors_total{method=\"load_boxed\",type=\"corrupt\"} 1",
        "service_request_errors_total{method=\"enqueue\",type=\"full\"} 1",
        "service_expected_error{method=\"load\",type=\"key_not_found\"} 1",
        "service_expected_error{method=\"load_boxed\",type=\"key_not_found\"} 1",
        "service_expected_error{method=\"enqueue\",type=\"full\"} 1",
    ] {
        assert_has(&page, line);
    }
    let expected = page
        .iter()
        .filter(|line| line.starts_with("service_expected_error{"));
    assert_eq!(expected.count(), 3, "none of a type that did not occur");
    // The last failures were expected ones: they leave the statuses as they were.
    for line in [
        "service_task_status{status=\"CONNECTION_ERROR\",task=\"load\"} 1",
        "service_task_status{status=\"FATAL\",task=\"load_boxed\"} 1",
    ] {
        assert_has(&page, line);
    }
}
