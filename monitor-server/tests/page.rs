//! The live page over real sockets: its files and their headers, the clients that may have them, and the door.

mod served;

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use monitor_core::Monitor;
use monitor_server::{MetricServer, MonitorConfig};
use served::{connect, local, send, started};

/// What Firefox sends for a document.
const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

/// From elsewhere: a proxy that says so counts as that.
const ELSEWHERE: &str = "X-Forwarded-For: 10.0.0.7\r\n";

/// `ann:secret`, `ann:guess`.
const RIGHT: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
const WRONG: &str = "Authorization: Basic YW5uOmd1ZXNz\r\n";
const TOKEN: &str = "Authorization: Bearer the-token-of-the-scraper\r\n";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const FILES: [(&str, &str); 4] = [
    ("/", "text/html; charset=utf-8"),
    ("/page.css", "text/css; charset=utf-8"),
    ("/page.js", "text/javascript; charset=utf-8"),
    ("/icon.svg", "image/svg+xml"),
];

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let host = if headers.contains("Host: ") {
        ""
    } else {
        "Host: localhost\r\n"
    };
    let mut stream = connect(address);
    send(
        &mut stream,
        &format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{host}{headers}\r\n"),
    );
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end.expect("a head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.expect("a status"),
        body: answer[end + 4..].to_vec(),
        head,
    }
}

#[test]
fn each_file_has_its_tag_its_policy_and_no_version_of_the_service() {
    let server = started(local());
    let address = server.local_addr();
    for (path, content_type) in FILES {
        let plain = ask(address, "GET", path, BROWSER);
        assert_eq!(plain.status, 200, "{path}");
        let etag = plain.header("etag").expect("a tag");
        for (name, value) in [
            ("content-type", content_type),
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-cache"),
            ("content-length", &plain.body.len().to_string()),
        ] {
            assert_eq!(plain.header(name), Some(value), "{path} {name}");
        }
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(plain.header("server"), None);
        let vary = plain.header("vary").expect("it varies");
        assert_eq!(vary.contains("Accept,"), path == "/");
        assert!(vary.ends_with("Accept-Encoding"));

        let zipped = ask(
            address,
            "GET",
            path,
            &format!("{BROWSER}Accept-Encoding: gzip, br\r\n"),
        );
        assert_eq!(zipped.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(zipped.header("etag"), Some(etag), "{path}");
        let mut unzipped = Vec::new();
        let mut decoder = GzDecoder::new(&*zipped.body);
        decoder.read_to_end(&mut unzipped).expect("gzip");
        assert!(unzipped == plain.body, "{path}");
        assert!(zipped.body.len() < plain.body.len(), "{path}");

        let head = ask(address, "HEAD", path, BROWSER);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(
            head.header("content-length"),
            plain.header("content-length")
        );
        assert_eq!(head.header("etag"), Some(etag));
        assert_eq!(head.header("content-security-policy"), Some(POLICY));

        for method in ["GET", "HEAD"] {
            let known = format!("{BROWSER}If-None-Match: \"other\", {etag}\r\n");
            let known = ask(address, method, path, &known);
            assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
            assert_eq!(known.header("etag"), Some(etag), "{path}");
            assert_eq!(known.header("content-security-policy"), Some(POLICY));
            assert_eq!(known.header("content-type"), None);
        }
        let other = ask(
            address,
            "GET",
            path,
            &format!("{BROWSER}If-None-Match: \"other\"\r\n"),
        );
        assert_eq!(other.status, 200, "{path}");
        assert_eq!(ask(address, "POST", path, BROWSER).status, 405, "{path}");
    }
}

/// A client that keeps its connection, as a browser does: an answer of 304 has no body that the next one could begin with.
#[test]
fn an_answer_of_304_leaves_the_connection_as_it_is() {
    let server = started(local());
    let etag = ask(server.local_addr(), "GET", "/page.js", "");
    let etag = etag.header("etag").expect("a tag").to_owned();
    let mut stream = connect(server.local_addr());
    for path in ["/page.js", "/page.js", "/livez"] {
        let tag = format!("If-None-Match: {etag}\r\n");
        send(
            &mut stream,
            &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{tag}\r\n"),
        );
        let (head, body) = served::read_answer(&mut stream);
        let (status, text) = if path == "/livez" {
            ("200", "ok")
        } else {
            ("304", "")
        };
        assert_eq!((served::status_of(&head), &*body), (status, text), "{head}");
    }
}

#[test]
fn a_client_that_is_no_browser_is_given_the_list() {
    let server = started(local());
    for headers in ["", "Accept: */*\r\n"] {
        let list = ask(server.local_addr(), "GET", "/", headers);
        assert_eq!(
            list.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(list.header("vary"), Some("Accept"));
        assert!(list.text().contains("\n/metrics "), "{}", list.text());
        assert!(list.text().contains("\n/  "), "{}", list.text());
    }
}

/// A web configuration file with a user, removed at the end.
struct WebFile(PathBuf);

impl WebFile {
    fn new(name: &str) -> Self {
        let name = format!("monitor-live-page-{}-{name}.yml", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        let hash = bcrypt::hash_with_salt("secret", 4, [3; 16]).expect("a hash");
        fs::write(&file.0, format!("basic_auth_users: {{ann: {hash}}}\n")).expect("written");
        file
    }
}

impl Drop for WebFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A configuration; statuses of a file, and of the data, for each kind of credentials.
type Row = (&'static str, MonitorConfig, [u16; 4], [u16; 4]);

/// Statuses of a file and of the data, here and elsewhere: without credentials, with the user, the token, a wrong password.
#[test]
fn the_files_are_for_all_but_where_there_are_users_and_the_data_for_none() {
    let file = WebFile::new("matrix");
    let with_user = || local().web_config(&file.0);
    let token = "the-token-of-the-scraper";
    let everywhere = || local().allow_from("127.0.0.0/8").allow_from("::1");
    let rows: [Row; 5] = [
        ("open", local(), [200; 4], [403; 4]),
        ("allowed", everywhere(), [200; 4], [403; 4]),
        (
            "token",
            local().bearer_token(token),
            [200, 401, 200, 401],
            [401, 401, 200, 401],
        ),
        (
            "user",
            with_user(),
            [401, 200, 401, 401],
            [401, 200, 401, 401],
        ),
        (
            "both",
            with_user().bearer_token(token),
            [401, 200, 200, 401],
            [401, 200, 200, 401],
        ),
    ];
    for (name, config, files, data) in rows {
        let server = started(config);
        let address = server.local_addr();
        let given = ["", RIGHT, TOKEN, WRONG];
        for ((credentials, of_file), of_data) in given.into_iter().zip(files).zip(data) {
            let headers = format!("{credentials}{ELSEWHERE}{BROWSER}");
            for (path, _) in FILES {
                let cell = format!("{name} {path} {credentials}");
                assert_eq!(
                    ask(address, "GET", path, &headers).status,
                    of_file,
                    "{cell}"
                );
            }
            for path in ["/verdict", "/top", "/api/v1/verdict"] {
                let cell = format!("{name} {path} {credentials}");
                assert_eq!(
                    ask(address, "GET", path, &headers).status,
                    of_data,
                    "{cell}"
                );
            }
            // On this machine nothing is asked for.
            for (path, _) in FILES {
                let here = ask(address, "GET", path, &format!("{credentials}{BROWSER}"));
                assert_eq!(here.status, 200, "{name} {path} {credentials}");
            }
        }
        let foreign = ask(
            address,
            "GET",
            "/",
            &format!("Host: evil.example\r\n{BROWSER}"),
        );
        assert_eq!(foreign.status, 421, "{name}");
        let open = format!("Open it as http://127.0.0.1:{}/.\n", address.port());
        assert_eq!(foreign.text(), open);
        assert_eq!(
            foreign.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
    }
}

#[test]
fn a_browser_that_is_refused_is_told_how_to_come_in() {
    let file = WebFile::new("door");
    let server = started(local().web_config(&file.0));
    let address = server.local_addr();
    let door = ask(address, "GET", "/", &format!("{ELSEWHERE}{BROWSER}"));
    assert_eq!(door.status, 401);
    assert_eq!(
        door.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(door.header("cache-control"), Some("no-store"));
    let challenge = "Basic realm=\"monitor\", charset=\"UTF-8\"";
    assert_eq!(door.header("www-authenticate"), Some(challenge));
    let policy = door.header("content-security-policy").expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    let text = door.text();
    assert!(text.contains("<h1>Who are you?</h1>"), "{text}");
    let command = format!(
        "kubectl port-forward pod/&lt;pod&gt; {}</pre>",
        address.port()
    );
    assert!(text.contains(&command), "{text}");
    assert!(
        !text.contains("<script") && !text.contains("Bearer"),
        "{text}"
    );
    // What fetch and curl send.
    let plain = ask(
        address,
        "GET",
        "/api/v1/verdict",
        &format!("{ELSEWHERE}Accept: */*\r\n"),
    );
    assert_eq!((plain.status, &*plain.text()), (401, "unauthorized"));
}

#[test]
fn a_server_beside_it_has_the_page_too() {
    let metrics = MetricServer::with_config(&MonitorConfig::default(), Monitor::global());
    let server = metrics
        .run_in_thread(([127, 0, 0, 1], 0))
        .expect("a server");
    let page = ask(server.local_addr(), "GET", "/", BROWSER);
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let foreign = ask(
        server.local_addr(),
        "GET",
        "/page.js",
        "Host: evil.example\r\n",
    );
    let open = format!(
        "Open it as http://127.0.0.1:{}/.\n",
        server.local_addr().port()
    );
    assert_eq!((foreign.status, foreign.text()), (421, open));
    server.shutdown();
}
