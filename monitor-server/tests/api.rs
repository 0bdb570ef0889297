//! The API over real sockets: each endpoint against its schema, methods, compression, deltas, errors, sizes.

#[path = "served/schema.rs"]
mod schema;
mod served;

use std::io::Read;
use std::net::SocketAddr;
use std::time::Instant;

use monitor_core::{Monitor, Outcome};
use monitor_server::{Check, Service};
use schema::ApiSchema;
use serde_json::Value;
use served::{Served, ask, eventually, local, started, status_of};

const HOST: &str = "Host: localhost\r\n";

/// Each endpoint, and the name of its schema.
const ENDPOINTS: [(&str, &str); 20] = [
    ("verdict", "verdict"),
    ("overview", "overview"),
    ("overview?range=3h", "overview"),
    ("overview?range=24h", "overview"),
    ("methods", "methods"),
    ("methods?curves=0,1&rows=1", "methods"),
    ("methods/LookUpWords", "method"),
    ("methods/Look%55pWords?range=24h", "method"),
    ("inflight", "inflight"),
    ("health", "health"),
    ("health?range=24h", "health"),
    ("events", "events"),
    ("history", "history"),
    (
        "history?of=LookUpWords&fields=rate,buckets,p99&range=3h",
        "history",
    ),
    ("compare", "compare"),
    ("compare?window=30", "compare"),
    ("methods?cells=1&rows=0&whole=0", "methods"),
    ("values", "values"),
    ("runtime", "runtime"),
    ("snapshot", "snapshot"),
];

/// A service with some calls, values and checks, and a first look at them.
fn service() -> Served {
    let config = local()
        .service(Service::new("textprocessor", "1.4.2").revision("9f3c2ab"))
        .blocking_check("disk", Check::default(), || Ok::<_, String>(()))
        .blocking_check("dictionary", Check::default(), || Err("no answer"));
    let server = started(config);
    make_calls(20);
    let monitor = Monitor::global();
    monitor.set_stats("jobs___queue__fast", 3).expect("a key");
    let address = server.local_addr();
    eventually(|| {
        make_calls(1);
        json(address, "overview")["tick"]
            .as_u64()
            .is_some_and(|tick| tick > 0)
    });
    server
}

fn make_calls(count: usize) {
    let monitor = Monitor::global();
    let methods = ["Spelling", "LookUpWords"].map(|name| monitor.method(name).expect("a name"));
    for nth in 0..count {
        let spelling = methods[0].start();
        let words = spelling.run(|| methods[1].start());
        if nth % 4 == 3 {
            words.finish(Outcome::ErrorType("timeout"));
        } else {
            words.finish(Outcome::Success);
        }
        spelling.finish(Outcome::Success);
    }
}

fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    ask(
        address,
        "GET",
        &format!("/api/v1/{path}"),
        &format!("{HOST}{headers}"),
    )
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[track_caller]
fn json(address: SocketAddr, path: &str) -> Value {
    let answer = get(address, path, "");
    assert_eq!(status_of(&answer), "200", "{path}: {answer}");
    serde_json::from_str(body(&answer)).expect("JSON")
}

#[test]
fn every_endpoint_answers_as_its_schema_has_it() {
    let server = service();
    let address = server.local_addr();
    let mut schema = ApiSchema::strict();
    let running = Monitor::global()
        .method("Spelling")
        .expect("a name")
        .start();
    for (path, name) in ENDPOINTS {
        let answer = get(address, path, "");
        let head = answer
            .split("\r\n\r\n")
            .next()
            .unwrap_or_default()
            .to_lowercase();
        for header in [
            "content-type: application/json",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "vary: accept-encoding",
        ] {
            assert!(head.contains(header), "{path}: {head}");
        }
        let object = json(address, path);
        schema.check(name, &object);
        println!("{path}: {} bytes", body(&answer).len());
    }
    let inflight = json(address, "inflight");
    assert_eq!(inflight["tree"][0]["name"], "Spelling");
    drop(running);
    let verdict = json(address, "verdict");
    assert_eq!(verdict["service"]["name"], "textprocessor");
    let health = json(address, "health");
    let dictionary = health["checks"].as_array().expect("checks").iter();
    let mut dictionary = dictionary.filter(|check| check["name"] == "dictionary");
    let dictionary = dictionary.next().expect("the check");
    assert_eq!(
        (&dictionary["status"], &dictionary["output"]),
        (&"DOWN".into(), &"no answer".into())
    );
}

#[test]
fn a_snapshot_is_an_attachment_with_all_parts() {
    let server = service();
    let answer = get(server.local_addr(), "snapshot", "");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    let head = head.to_lowercase();
    let name = "content-disposition: attachment; filename=\"textprocessor-20";
    assert!(head.contains(name), "{head}");
    let object: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(object["format"], "monitor-snapshot");
    assert_eq!(object["left"], Value::Array(Vec::new()));
    assert!(object["method"]["LookUpWords"].is_object());
    for part in [
        "verdict", "overview", "methods", "inflight", "health", "events", "windows", "values",
        "runtime",
    ] {
        assert!(object[part].is_object(), "{part}");
    }
}

#[test]
fn head_has_the_length_and_no_body() {
    let server = service();
    let address = server.local_addr();
    let answer = ask(address, "HEAD", "/api/v1/health", HOST);
    assert_eq!(status_of(&answer), "200");
    assert_eq!(body(&answer), "");
    let length = answer.to_lowercase();
    let length = length
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    assert!(length.is_some_and(|length| length > 100), "{answer}");
    let answer = ask(address, "POST", "/api/v1/health", HOST);
    assert_eq!(status_of(&answer), "405");
}

#[test]
fn gzip_is_for_clients_that_take_it() {
    let server = service();
    let request = format!(
        "GET /api/v1/overview HTTP/1.1\r\n{HOST}Connection: close\r\nAccept-Encoding: gzip\r\n\r\n"
    );
    let mut stream = served::connect(server.local_addr());
    served::send(&mut stream, &request);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let object: Value =
        serde_json::from_reader(flate2::read::GzDecoder::new(&answer[end + 4..])).expect("JSON");
    assert_eq!(object["v"], 1);
    let plain = get(server.local_addr(), "overview", "Accept-Encoding: br\r\n").to_lowercase();
    assert!(!plain.contains("content-encoding"), "{plain}");
}

#[test]
fn a_request_that_cannot_be_read_is_refused_with_a_reason() {
    let server = service();
    let address = server.local_addr();
    let mut schema = ApiSchema::strict();
    for (path, code, part) in [
        (
            "overview?range=1h",
            "400",
            "`range=1h` cannot be used: `range` is `15m`, `3h` or `24h`",
        ),
        ("overview?from=1", "400", "unknown parameter `from`"),
        ("verdict?since=x", "400", "`since` is `<boot>.<tick>`"),
        ("methods?curves=a", "400", "`curves` is at most 60 ids"),
        ("history?fields=x", "400", "`fields` is a list of"),
        ("history?of=Nothing", "404", "no method `Nothing`"),
        (
            "snapshot?x",
            "400",
            "unknown parameter `x`: there are none here",
        ),
        ("methods/LokUpWords", "404", "no method `LokUpWords`"),
        ("methods/", "404", "no method ``"),
        ("state", "404", "no endpoint `state`"),
        ("", "404", "no endpoint ``"),
        ("overview/", "404", "no endpoint `overview/`"),
    ] {
        let answer = get(address, path, "");
        assert_eq!(status_of(&answer), code, "{path}: {answer}");
        let object: Value = serde_json::from_str(body(&answer)).expect("JSON");
        assert!(
            object["error"]
                .as_str()
                .is_some_and(|error| error.contains(part)),
            "{path}: {object}"
        );
        schema.check("error", &object);
    }
    let answer = get(address, "methods/LokUpWords", "");
    let object: Value = serde_json::from_str(body(&answer)).expect("JSON");
    assert_eq!(object["near"][0], "LookUpWords");
}

#[test]
fn a_client_that_says_what_it_has_is_given_the_rest() {
    let server = service();
    let address = server.local_addr();
    let first = json(address, "overview");
    let since = format!(
        "{}.{}",
        first["boot"].as_str().expect("a boot"),
        first["tick"]
    );
    let next = || json(address, &format!("overview?since={since}"));
    eventually(|| next()["tick"] != first["tick"]);
    let delta = next();
    assert_eq!(
        (&first["full"], &delta["full"]),
        (&true.into(), &false.into())
    );
    let length = |answer: &Value| answer["series"]["rate"].as_array().expect("a series").len();
    assert!(length(&delta) >= 1 && length(&delta) <= 10, "{delta}");
    let other = json(
        address,
        &format!("overview?since=another.{}", first["tick"]),
    );
    assert_eq!(other["full"], true);
    let ahead = json(address, "overview?since=x.99999999");
    assert_eq!(ahead["full"], true);
    let first = json(address, "methods");
    let since = format!(
        "{}.{}",
        first["boot"].as_str().expect("a boot"),
        first["tick"]
    );
    let delta = json(address, &format!("methods?since={since}"));
    assert_eq!(delta["full"], false);
}

#[test]
fn many_methods_are_answered_whole() {
    let server = service();
    let address = server.local_addr();
    let monitor = Monitor::global();
    for nth in 0..500 {
        monitor
            .method(&format!("Many{nth}"))
            .expect("a name")
            .start()
            .finish(Outcome::Success);
    }
    eventually(|| {
        json(address, "methods")["total"]
            .as_u64()
            .is_some_and(|total| total > 500)
    });
    for path in [
        "verdict",
        "overview",
        "methods",
        "methods/Many7",
        "inflight",
        "snapshot",
    ] {
        let begin = Instant::now();
        let answer = get(address, path, "");
        println!(
            "{path}: {} bytes in {:?}",
            body(&answer).len(),
            begin.elapsed()
        );
        assert_eq!(status_of(&answer), "200");
    }
    let methods = json(address, "methods");
    assert_eq!(
        methods["rows"].as_array().map(Vec::len),
        methods["total"]
            .as_u64()
            .and_then(|total| total.try_into().ok())
    );
    let snapshot = json(address, "snapshot");
    let chosen = snapshot["method"]
        .as_object()
        .map_or(0, serde_json::Map::len);
    assert!((1..=100).contains(&chosen), "{chosen}");
}
