//! An answer that is under way arrives whole: when its client has said that it will ask for nothing more, and when the
//! connection's time is over.

mod served;

use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use monitor_server::{Limits, MonitorConfig};
use served::{Slow, connect, local, read_all, send, send_get, started, status_of};

/// Each page takes so long that the server sees the end of the stream before it answers.
fn slow() -> MonitorConfig {
    local()
        .collector(Slow::by(Duration::from_millis(200)))
        .render_cache(Duration::ZERO)
}

/// Requests on each route and of each kind, and the status of the answer.
const REQUESTS: [(&str, &str); 15] = [
    ("GET /metrics HTTP/1.1", "200"),
    ("HEAD /metrics HTTP/1.1", "200"),
    ("GET /metrics HTTP/1.0", "200"),
    ("GET /metrics?name[]=none HTTP/1.1", "200"),
    ("GET http://localhost/metrics HTTP/1.1", "200"),
    ("GET /livez HTTP/1.1", "200"),
    ("GET /readyz HTTP/1.1", "200"),
    ("GET /startupz HTTP/1.1", "200"),
    ("GET /-/healthy HTTP/1.1", "200"),
    ("GET /health HTTP/1.1", "200"),
    ("GET / HTTP/1.1", "200"),
    ("GET /nothing HTTP/1.1", "404"),
    ("POST /metrics HTTP/1.1", "405"),
    ("GET x HTTP/1.1", "400"),
    ("GET no head", "400"),
];

/// The answer to a client that sends this and half-closes.
fn half_closed(address: SocketAddr, sent: &str) -> String {
    let mut stream = connect(address);
    send(&mut stream, sent);
    stream.shutdown(Shutdown::Write).expect("it is open");
    read_all(&mut stream)
}

#[test]
fn a_client_that_half_closes_after_its_request_is_answered() {
    let server = started(slow());
    let address = server.local_addr();
    for (line, expected) in REQUESTS {
        let answer = half_closed(address, &format!("{line}\r\nHost: localhost\r\n\r\n"));
        assert_eq!(status_of(&answer), expected, "{line}: {answer}");
        let has_page = line.starts_with("GET") && line.contains("/metrics HTTP");
        assert!(!has_page || answer.contains("# TYPE"), "{line}: {answer}");
    }
    // With a body, in whole and in part.
    for body in ["ab", "a", ""] {
        let head = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n";
        let answer = half_closed(address, &format!("{head}{body}"));
        assert_eq!(status_of(&answer), "405", "{body}: {answer}");
    }
    // Several at once, the slow one first and last.
    let get = |path| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let all = ["/metrics", "/livez", "/health", "/metrics"]
        .map(get)
        .concat();
    let answer = half_closed(address, &all);
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 4, "{answer}");
    // After others, which were answered before.
    let mut stream = connect(address);
    send_get(&mut stream, "/livez");
    served::read_answer(&mut stream);
    send_get(&mut stream, "/metrics");
    stream.shutdown(Shutdown::Write).expect("it is open");
    assert!(read_all(&mut stream).contains("# TYPE"));
}

#[cfg(unix)]
#[test]
fn a_client_of_a_unix_socket_may_half_close_too() {
    use std::os::unix::net::UnixStream;
    let name = format!("monitor-whole-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _server = started(slow().listen_unix(&path));
    let mut stream = UnixStream::connect(&path).expect("a connection");
    send_get(&mut stream, "/metrics");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let answer = read_all(&mut stream);
    assert!(answer.contains("# TYPE"), "{answer}");
}

/// How long a connection may last where it is to end often.
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn a_busy_connection_is_not_cut_off_at_its_deadline() {
    let limits = Limits::default().connection_timeout(SHORT);
    let server = started(slow().limits(limits));
    let address = server.local_addr();
    // Each route, the ones that take their time and the ones that are answered at once.
    for (path, connections) in [
        ("/metrics", 5),
        ("/metrics?name[]=none", 2),
        ("/livez", 3),
        ("/readyz", 1),
        ("/startupz", 1),
        ("/health", 1),
        ("/health/none", 1),
        ("/", 1),
    ] {
        for _ in 0..connections {
            served::ask_until_closed(&mut connect(address), path);
        }
    }
    let ended = "monitor_server_connections_closed_total{reason=\"deadline\"}";
    served::eventually(|| served::metric(address, ended) >= 15.0);
}

#[test]
fn a_connection_that_idles_at_its_deadline_is_closed() {
    let limits = Limits::default()
        .connection_timeout(SHORT)
        .header_timeout(Duration::ZERO);
    let server = started(local().limits(limits));
    let mut stream = connect(server.local_addr());
    send_get(&mut stream, "/livez");
    assert!(read_all(&mut stream).ends_with("ok"));
    let ended = "monitor_server_connections_closed_total{reason=\"deadline\"}";
    served::eventually(|| served::metric(server.local_addr(), ended) >= 1.0);
}
