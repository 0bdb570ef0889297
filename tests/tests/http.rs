//! Over real sockets: status, content type and body of each route x method. Formats and encodings are in the tests of
//! `monitor-server` and in the recorded cases, which are scraped over sockets too.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use monitor_server::{MonitorConfig, run};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const WORD: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// One server for all tests of this file; nothing here stops it.
fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let config = MonitorConfig::default()
            .listen([127, 0, 0, 1])
            .port(0)
            .errors("FATAL", ["out of memory"], 3)
            .service_info("model_version", "Version of the model.", 7.0)
            .methods(["ProcessText"]);
        run(config).expect("a free port").local_addr()
    })
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

/// Sends a request as it stands and reads until the server closes.
fn exchange(request: &str) -> Answer {
    let mut stream = TcpStream::connect(address()).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let head = std::str::from_utf8(&answer[..end]).expect("ASCII");
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.expect("a status"),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: answer[end + 4..].to_vec(),
    }
}

fn ask(method: &str, target: &str, headers: &str) -> Answer {
    exchange(&format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    ))
}

fn get(target: &str) -> Answer {
    ask("GET", target, "")
}

#[test]
fn each_route_answers_get_and_head_and_refuses_the_rest() {
    let never_set = r#"{"status":"UP","details":{"task_status":"OK","run":0}}"#;
    let routes = [
        ("/metrics", TEXT, None),
        ("/livez", WORD, Some("ok")),
        ("/-/healthy", WORD, Some("ok")),
        ("/readyz", WORD, Some("ready")),
        ("/-/ready", WORD, Some("ready")),
        (
            "/health",
            JSON,
            Some(
                r#"{"status":"UP","components":{},"reasons":[],"groups":["liveness","readiness"]}"#,
            ),
        ),
        ("/health/default", JSON, Some(never_set)),
        ("/health/ProcessText", JSON, Some(never_set)),
    ];
    for (path, content_type, body) in routes {
        let answer = get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, content_type),
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string(),
            "{path}"
        );
        assert_eq!(answer.header("server"), "", "{path}");
        if let Some(body) = body {
            assert_eq!(answer.text(), body, "{path}");
        }

        let head = ask("HEAD", path, "");
        assert_eq!(
            (head.status, head.header("content-type"), head.text()),
            (200, content_type, ""),
            "{path}"
        );
        assert_ne!(head.header("content-length"), "0", "{path}");

        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let answer = ask(method, path, "");
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, "GET, HEAD"),
                "{method} {path}"
            );
            assert_eq!(
                (answer.header("content-type"), answer.text()),
                (WORD, "method not allowed"),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn several_requests_share_a_connection() {
    let answer = exchange(
        "GET /livez HTTP/1.1\r\nHost: a\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let rest = answer.text();
    assert!(rest.starts_with("ok") && rest.ends_with("ready"), "{rest}");
}

#[test]
fn what_is_no_request_is_a_400() {
    for garbage in [
        "\u{16}\u{3}\u{1}\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET /livez HTTP/3.7\r\n\r\n",
        "GET /livez HTTP/1.1\r\nNo colon\r\n\r\n",
    ] {
        assert_eq!(exchange(garbage).status, 400, "{garbage:?}");
    }
}
