//! Nothing on the way of a request panics, caught or not: a panic would be on standard error, which stays empty.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program; killed when dropped.
struct Program {
    child: Child,
    /// The server's address, and those of the application.
    addresses: [SocketAddr; 3],
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mounted"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = stdout.lines();
        let addresses = std::array::from_fn(|_| {
            let line = lines.next().and_then(Result::ok);
            let line = line.expect("it says where it listens");
            line.parse().expect("an address")
        });
        Self { child, addresses }
    }

    /// Ends it in order; returns its standard error.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("piped");
        stderr.read_to_string(&mut said).expect("text");
        said
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a valid timeout");
    stream
}

/// The whole answer to a request, until the other side closes.
fn answer(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(sent).expect("sent");
    read(&mut stream)
}

/// Sends bytes that need not be a request, and waits for the end.
fn send(address: SocketAddr, sent: &[u8]) {
    let mut stream = connect(address);
    // It may be refused before all was sent.
    let _ = stream.write_all(sent);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    read(&mut stream);
}

fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(line: &str, headers: &str) -> Vec<u8> {
    let head = format!("{line}\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    head.into_bytes()
}

/// With credentials that are right, wrong, and none.
const CREDENTIALS: [&str; 4] = [
    "",
    "Authorization: Bearer the-token-of-the-scraper\r\n",
    "Authorization: Bearer guessed\r\n",
    "Authorization: Basic \u{ff}\r\n",
];

/// Neither in origin form nor in absolute form.
const PATHLESS: [&str; 8] = [
    "x",
    "metrics",
    "livez",
    "a:80",
    "localhost:9999",
    "[::1]:80",
    "user@host",
    "*",
];

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "BREW"];

fn pathless(program: &Program) {
    let [server, root, prefixed] = program.addresses;
    for target in PATHLESS {
        for method in METHODS {
            for version in ["HTTP/1.1", "HTTP/1.0"] {
                for credentials in CREDENTIALS {
                    let sent = request(&format!("{method} {target} {version}"), credentials);
                    let found = answer(server, &sent);
                    let status = found.split(' ').nth(1);
                    assert_eq!(status, Some("400"), "{method} {target}: {found:?}");
                    for address in [root, prefixed] {
                        // The application answers CONNECT with a tunnel, which sends nothing.
                        let found = answer(address, &sent);
                        let status = found.split(' ').nth(1);
                        assert_eq!(status, Some("200"), "{method} {target}: {found:?}");
                        let has_body = method != "HEAD" && method != "CONNECT";
                        assert!(!has_body || found.ends_with("others"), "{found:?}");
                    }
                }
            }
        }
    }
}

/// Absolute targets have a path, and a Host that is checked is theirs.
fn absolute(program: &Program) {
    let [server, root, prefixed] = program.addresses;
    let status = |address, target: &str, headers: &str| {
        let found = answer(
            address,
            &request(&format!("GET {target} HTTP/1.1"), headers),
        );
        found.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let right = CREDENTIALS[1];
    for (target, without, with) in [
        ("http://localhost", "200", "200"),
        ("http://localhost?x", "200", "200"),
        ("http://localhost/", "200", "200"),
        ("http://evil.example", "200", "200"),
        ("http://evil.example?x", "200", "200"),
        ("http://localhost/api/v1/x", "404", "404"),
        ("http://evil.example/api/v1/x", "421", "404"),
        ("http://localhost/livez", "200", "200"),
        ("http://evil.example/livez", "200", "200"),
        ("http://localhost/metrics", "401", "200"),
        ("http://evil.example/metrics?x", "401", "200"),
    ] {
        assert_eq!(status(server, target, ""), without, "{target}");
        assert_eq!(status(server, target, right), with, "{target}");
    }
    for (address, prefix) in [(root, ""), (prefixed, "/monitor")] {
        for authority in ["", "http://localhost", "http://evil.example"] {
            let metrics = format!("{authority}{prefix}/metrics?x");
            assert_eq!(status(address, &metrics, ""), "401", "{metrics}");
            assert_eq!(status(address, &metrics, right), "200", "{metrics}");
        }
    }
}

/// Targets, heads and bytes of every odd kind; the answers are not checked.
fn odd(program: &Program) {
    let paths = [
        "/",
        "//",
        "///",
        "/?",
        "/#",
        "/%",
        "/%zz",
        "/%00",
        "/\u{e4}",
        "/monitor",
        "/monitor/",
        "/monitor//",
        "/monitor?",
        "/monitor/metrics",
        "/monitor/%",
        "/health/",
        "/health/%ff",
        "/health/%",
        "/api/v1/",
        "/-/",
        "/metrics?",
        "/metrics?name[]",
        "/metrics?name[]=%",
        "/metrics?name[]=%e4&&=&=",
        "/metrics?\u{e4}",
        "http://a",
        "http://a?",
        "http://a#",
        "http://a/?",
        "http://a//",
        "http://[::1",
        "http://a:99999/",
        "http://:80/",
        "http://",
        "http:/",
        "http:",
        ":80",
        "://",
        "?",
        "#",
        "a?b",
        "a/b",
        "a#b",
        "**",
        "*/",
        "*?x",
        "@",
        "\u{e4}",
    ];
    let headers = [
        "",
        "Accept: ;;q=,\"\r\nAccept-Encoding: ;q=9,,\r\n",
        "X-Prometheus-Scrape-Timeout-Seconds: 1e999\r\n",
        "X-Prometheus-Scrape-Timeout-Seconds: -0.0\r\n",
        "Host: a\r\nHost:\r\n",
        "Authorization: Basic OjoA\r\nAuthorization:\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\nContent-Length: 5\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
        "X: \u{ff}\r\n",
    ];
    let mut all: Vec<Vec<u8>> = Vec::new();
    for path in paths {
        for header in headers {
            all.push(request(&format!("GET {path} HTTP/1.1"), header));
        }
        // After others, over one connection.
        let first = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let next = request(&format!("GET {path} HTTP/1.0"), "");
        all.push([&first[..], &next, &first[..], &next].concat());
    }
    let long = "a".repeat(9000);
    for line in [
        format!("GET /{long} HTTP/1.1"),
        format!("GET {long} HTTP/1.1"),
    ] {
        all.push(request(&line, ""));
        all.push(request("GET / HTTP/1.1", &format!("{line}: x\r\n")));
    }
    all.extend([
        Vec::new(),
        b"\r\n\r\n".to_vec(),
        b"GET".to_vec(),
        b"GET x".to_vec(),
        b"GET x\r\n\r\n".to_vec(),
        b"GET  HTTP/1.1\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        (0..=255).collect(),
    ]);
    for sent in &all {
        for address in program.addresses {
            send(address, sent);
        }
    }
}

#[test]
fn no_request_makes_the_program_panic() {
    let program = Program::start();
    pathless(&program);
    absolute(&program);
    odd(&program);
    for (address, path) in program.addresses.into_iter().zip(["", "", "/monitor"]) {
        let line = format!("GET {path}/livez HTTP/1.1");
        let found = answer(address, &request(&line, ""));
        assert!(found.ends_with("ok"), "{found:?}");
    }
    let said = program.end();
    assert_eq!(said, "");
}
