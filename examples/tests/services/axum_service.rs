//! The axum service: what clients are answered, and what its pages say about it.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::process::{Service, connect, get, head_of, request};

/// A request whose answer is not read yet.
fn begin(address: SocketAddr, path: &str) -> BufReader<TcpStream> {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    BufReader::new(stream)
}

/// Reads the head of an answer with this status.
#[track_caller]
fn expect_status(stream: &mut BufReader<TcpStream>, status: u16) {
    let head = head_of(stream);
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
}

#[test]
fn each_answer_is_counted_by_route_and_status() {
    let service = Service::start("axum_service");
    let (to, mut statuses) = (service.address, Vec::new());
    for (verb, path, body) in [
        ("GET", "/words/whale", ""),
        ("GET", "/words/sea", ""),
        ("GET", "/nothing/at/all", ""),
        ("PATCH", "/words/whale", ""),
        ("BREW", "/words/whale", ""),
        ("POST", "/store", "not JSON"),
        ("GET", "/sleep/soon", ""),
        ("GET", "/sleep/60000", ""),
    ] {
        statuses.push(request(to, verb, path, body).status);
    }
    assert_eq!(statuses, [200, 404, 404, 405, 405, 415, 400, 504]);
    service.wait_for_metrics([
        "service_requests_total{method=\"GET /words/{word}\"} 2",
        "service_request_errors_total{method=\"GET /words/{word}\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"GET (unmatched)\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"PATCH /words/{word}\",type=\"http_405\"} 1",
        "service_request_errors_total{method=\"OTHER /words/{word}\",type=\"http_405\"} 1",
        "service_request_errors_total{method=\"POST /store\",type=\"http_415\"} 1",
        "service_request_errors_total{method=\"GET /sleep/{millis}\",type=\"http_400\"} 1",
        "service_request_errors_total{method=\"GET /sleep/{millis}\",type=\"http_504\"} 1",
        "service_request_errors_total{method=\"Store::find\",type=\"missing\"} 1",
        // `Store::find` is a part of a request: the totals are about requests.
        "service_tasks_completed_total 8",
        "service_tasks_in_flight 0",
    ]);
    assert!(!service.page("/metrics").body.contains("/nothing"));
    assert_eq!(service.page("/health").status, 200);
}

#[test]
fn a_time_limit_that_no_request_keeps_is_seen_by_health() {
    let service = Service::start("axum_service");
    let clients = [(); 10].map(|()| begin(service.address, "/sleep/60000"));
    for mut client in clients {
        expect_status(&mut client, 504);
    }
    service.wait_for_metric(
        "service_request_errors_total{method=\"GET /sleep/{millis}\",type=\"http_504\"} 10",
    );
    let health = service.wait_for_status("/health", 503).body;
    let share = "\"failure_share\":{\"method\":\"GET /sleep/{millis}\",\"share\":1";
    assert!(health.contains(share), "{health}");
}

#[test]
fn a_body_is_a_part_of_its_request() {
    let service = Service::start("axum_service");
    assert_eq!(get(service.address, "/count/3").status, 200);
    let mut broken = begin(service.address, "/count/20");
    expect_status(&mut broken, 200);
    let mut body = Vec::new();
    // The connection is cut without the last chunk: that is how a client sees that the body is broken.
    let _ = broken.read_to_end(&mut body);
    let body = String::from_utf8_lossy(&body);
    assert!(body.ends_with("\r\n12\n\r\n"), "{body}");
    service.wait_for_metrics([
        "service_requests_in_flight{method=\"GET /count/{end}\"} 0",
        "service_request_duration_seconds_count{method=\"GET /count/{end}\",status=\"success\"} 1",
        "service_request_errors_total{method=\"GET /count/{end}\",type=\"http_body\"} 1",
    ]);
}

#[test]
fn a_client_that_leaves_has_cancelled_its_request() {
    let service = Service::start("axum_service");
    let client = begin(service.address, "/sleep/60000");
    service.wait_for_metric("service_requests_in_flight{method=\"GET /sleep/{millis}\"} 1");
    drop(client);
    service.wait_for_metric(
        "service_request_errors_total{method=\"GET /sleep/{millis}\",type=\"cancelled\"} 1",
    );
}

#[test]
fn a_store_that_is_away_is_seen_by_clients_health_and_readiness() {
    let service = Service::start("axum_service");
    // After the first result of the check.
    service.wait_for_status("/readyz", 200);
    let tell = |is_there: &str| {
        let stream = connect(service.address);
        let length = is_there.len();
        let head = format!(
            "POST /store HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{is_there}"
        );
        (&stream).write_all(head.as_bytes()).expect("it reads");
        expect_status(&mut BufReader::new(stream), 200);
    };
    tell("false");
    let answer = get(service.address, "/words/whale");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "the store is away")
    );
    service.wait_for_metrics([
        "service_request_errors_total{method=\"GET /words/{word}\",type=\"http_503\"} 1",
        "service_request_errors_total{method=\"Store::find\",type=\"store\"} 1",
    ]);
    service.wait_for_status("/readyz", 503);
    let health = service.wait_for_status("/health", 503).body;
    assert!(health.contains("the store is away"), "{health}");
    assert_eq!(service.page("/livez").status, 200);

    tell("true");
    assert_eq!(get(service.address, "/words/whale").status, 200);
    service.wait_for_status("/readyz", 200);
    service.wait_for_status("/health", 200);
}

/// A WebSocket connection after its handshake.
fn upgrade(address: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = connect(address);
    let request = "GET /echo HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut stream = BufReader::new(stream);
    expect_status(&mut stream, 101);
    stream
}

/// A frame of the server: not masked, and shorter than 126 bytes. Returns its opcode and payload.
fn frame(stream: &mut BufReader<TcpStream>) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame");
    let mut payload = vec![0; head[1].into()];
    stream.read_exact(&mut payload).expect("its payload");
    (head[0] & 0x0f, payload)
}

/// A text frame of a client, masked with zeros.
const HELLO: &[u8] = b"\x81\x85\0\0\0\0hello";

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

#[test]
fn a_web_socket_is_in_flight_until_its_connection_ends() {
    let service = Service::start("axum_service");
    let mut socket = upgrade(service.address);
    socket.get_mut().write_all(HELLO).expect("it reads");
    assert_eq!(frame(&mut socket), (TEXT, b"hello".to_vec()));
    service.wait_for_metric("service_requests_in_flight{method=\"GET /echo\"} 1");
    drop(socket);
    service.wait_for_metrics([
        "service_request_duration_seconds_count{method=\"GET /echo\",status=\"success\"} 1",
        "service_requests_in_flight{method=\"GET /echo\"} 0",
        "service_requests_total{method=\"GET /echo\"} 1",
    ]);
}

#[test]
fn requests_and_connections_end_before_the_process() {
    let service = Service::start("axum_service");
    let mut socket = upgrade(service.address);
    let mut slow = begin(service.address, "/sleep/1900");
    service.wait_for_metric("service_requests_in_flight{method=\"GET /sleep/{millis}\"} 1");
    service.terminate();
    service.wait_for_status("/readyz", 503);
    assert_eq!(frame(&mut socket).0, CLOSE);
    expect_status(&mut slow, 200);
    drop(socket);
    assert!(service.wait().success());
}
