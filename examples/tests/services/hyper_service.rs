//! The hyper service: what clients are answered, and what its pages say about it.

use std::io::Write;

use crate::process::{Service, connect, get, head_of, request};

#[test]
fn each_answer_is_counted_by_route_and_status() {
    let service = Service::start("hyper_service");
    let to = service.address;
    assert_eq!(get(to, "/words/whale").body, "5");
    assert_eq!(request(to, "POST", "/upper", "whale").body, "WHALE");
    let statuses = [
        get(to, "/words/sea").status,
        get(to, "/some/path").status,
        request(to, "BREW", "/words/whale", "").status,
        request(to, "POST", "/upper", &"x".repeat(2000)).status,
    ];
    assert_eq!(statuses, [404, 404, 404, 413]);
    service.wait_for_metrics([
        "service_requests_total{method=\"GET /words/{word}\"} 2",
        "service_request_errors_total{method=\"GET /words/{word}\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"GET (unmatched)\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"OTHER /words/{word}\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"POST /upper\",type=\"http_413\"} 1",
        "service_tasks_completed_total 6",
        "service_tasks_in_flight 0",
    ]);
    assert!(!service.page("/metrics").body.contains("/some"));
    assert_eq!(service.page("/health").status, 200);
}

#[test]
fn a_request_is_answered_before_the_end() {
    let service = Service::start("hyper_service");
    let mut client = connect(service.address);
    let head = b"POST /upper HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n";
    client.write_all(head).expect("it reads");
    // The body is missing yet.
    service.wait_for_metric("service_requests_in_flight{method=\"POST /upper\"} 1");
    service.terminate();
    service.wait_for_status("/readyz", 503);
    client.write_all(b"whale").expect("it reads");
    let head = head_of(&mut std::io::BufReader::new(client));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(service.wait().success());
}
