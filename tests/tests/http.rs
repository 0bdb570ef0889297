//! Over real sockets: status, content type and body of each route x method, and what clients negotiate.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use monitor_core::Monitor;
use monitor_server::{Limits, MetricServer, MonitorConfig, run};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
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
    exchange_with(address(), request)
}

fn exchange_with(server: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(server).expect("a connection");
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

/// Defects H4 and H5 of the original: 503 with an empty header name for unknown paths, and any method served.
#[test]
fn h4_h5_everything_else_is_404_without_an_odd_header() {
    for path in [
        "//",
        "/metrics/",
        "//metrics",
        "/%6Detrics",
        "/%6detrics",
        "/Metrics",
        "/a/../metrics",
        "/./metrics",
        "/metrics%00",
        "/livez/",
        "/health/",
        "/health/nobody",
        "/-",
        "/favicon.ico",
    ] {
        for method in ["GET", "HEAD"] {
            let answer = ask(method, path, "");
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (404, WORD),
                "{method} {path}"
            );
            assert_eq!(
                answer.text(),
                if method == "GET" { "not found" } else { "" },
                "{method} {path}"
            );
            assert!(!answer.headers.contains_key(""), "{method} {path}");
        }
    }
}

#[test]
fn metrics_come_in_the_format_asked_for() {
    let text = get("/metrics");
    assert_eq!(text.header("vary"), "Accept, Accept-Encoding");
    assert!(
        text.text()
            .contains("# TYPE service_tasks_started_total counter\n"),
        "{}",
        text.text()
    );
    assert!(!text.text().contains("# EOF"));
    let open = ask(
        "GET",
        "/metrics",
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n",
    );
    assert_eq!(open.header("content-type"), OPEN_METRICS);
    assert!(open.text().ends_with("# EOF\n"));
    let utf8 = ask(
        "GET",
        "/metrics",
        "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8\r\n",
    );
    assert_eq!(
        utf8.header("content-type"),
        format!("{OPEN_METRICS}; escaping=allow-utf-8")
    );
    // Defect S11 of the original: a version that is no number is a 500 there.
    let s11 = ask(
        "GET",
        "/metrics",
        "Accept: application/openmetrics-text;version=x\r\n",
    );
    assert_eq!(
        (s11.status, s11.header("content-type")),
        (200, OPEN_METRICS)
    );
    let refused = ask("GET", "/metrics", "Accept: application/json\r\n");
    assert_eq!(
        (refused.status, refused.header("content-type")),
        (200, TEXT)
    );
}

/// Part of defect H5 of the original: `gzip;q=0` is gzipped there.
#[test]
fn h5_metrics_are_compressed_only_for_who_wants_it() {
    let packed = ask("GET", "/metrics", "Accept-Encoding: gzip\r\n");
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut page = String::new();
    flate2::read::GzDecoder::new(&packed.body[..])
        .read_to_string(&mut page)
        .expect("gzip");
    assert!(page.contains("# TYPE service_tasks_started_total counter\n"));
    for refusing in [
        "",
        "Accept-Encoding: gzip;q=0\r\n",
        "Accept-Encoding: identity\r\n",
        "Accept-Encoding: br\r\n",
    ] {
        let plain = ask("GET", "/metrics", refusing);
        assert_eq!(plain.header("content-encoding"), "", "{refusing}");
        assert!(
            plain
                .text()
                .contains("# TYPE service_tasks_started_total counter\n"),
            "{refusing}"
        );
    }
}

#[test]
fn names_filter_by_full_sample_name() {
    let samples = |target: &str| -> Vec<String> {
        let answer = get(target);
        assert_eq!(answer.status, 200, "{target}");
        let lines = answer.text().lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.split([' ', '{']).next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(samples("/metrics?name[]=model_version"), ["model_version"]);
    assert_eq!(
        samples("/metrics?name%5B%5D=model%5Fversion"),
        ["model_version"]
    );
    assert_eq!(
        samples("/metrics?name[]=service_tasks_started_total&name[]=service_tasks_completed_total")
            .len(),
        2
    );
    assert_eq!(get("/metrics?name[]=started").text(), "");
    assert_eq!(samples("/metrics?name[]="), samples("/metrics"));
    assert_eq!(
        get(&format!("/metrics?name[]={}", "a".repeat(1025))).status,
        400
    );
    let many = vec!["name[]=a"; 1001].join("&");
    assert_eq!(get(&format!("/metrics?{many}")).status, 400);
}

/// A registry whose collector takes its time.
fn slow_registry(pause: Duration) -> prometheus::Registry {
    struct Slow(Duration);

    impl prometheus::core::Collector for Slow {
        fn desc(&self) -> Vec<&prometheus::core::Desc> {
            Vec::new()
        }

        fn collect(&self) -> Vec<prometheus::proto::MetricFamily> {
            std::thread::sleep(self.0);
            let gauge = prometheus::Gauge::new("slow_gauge", "Of a slow registry.");
            gauge.map_or_else(|_| Vec::new(), |gauge| gauge.collect())
        }
    }

    let registry = prometheus::Registry::new();
    registry
        .register(Box::new(Slow(pause)))
        .expect("a fresh registry");
    registry
}

/// A further server on a port of its own, and what it answers a scrape with these header lines.
fn scraped(config: &MonitorConfig, headers: &[&str]) -> Vec<Answer> {
    let monitor = Monitor::new(monitor_core::StorageConfig::default());
    let server = MetricServer::with_config(config, monitor)
        .run_in_thread(([127, 0, 0, 1], 0))
        .expect("a free port");
    let ask = |headers: &&str| {
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        exchange_with(server.local_addr(), &request)
    };
    let answers = headers.iter().map(ask).collect();
    server.shutdown();
    answers
}

#[test]
fn a_scrape_ends_within_the_time_its_scraper_has() {
    let config = MonitorConfig::default().registry(slow_registry(Duration::from_millis(1500)));
    let begin = std::time::Instant::now();
    let answers = scraped(&config, &["X-Prometheus-Scrape-Timeout-Seconds: 0.5\r\n"]);
    let took = begin.elapsed();
    assert!(took < Duration::from_millis(1400), "{took:?}");
    let page = answers[0].text();
    assert_eq!(answers[0].status, 200);
    assert!(
        page.contains("service_tasks_started_total 0\n") && !page.contains("slow_gauge"),
        "{page}"
    );
    let whole = scraped(&config, &["X-Prometheus-Scrape-Timeout-Seconds: soon\r\n"]);
    assert!(
        whole[0].text().contains("slow_gauge 0"),
        "{}",
        whole[0].text()
    );
}

#[test]
fn a_strict_scrape_is_a_500_where_a_registry_is_missing() {
    let config = MonitorConfig::default()
        .registry(slow_registry(Duration::from_secs(1)))
        .strict(true)
        .limits(Limits::default().gather_timeout(Duration::from_millis(50)));
    let answers = scraped(&config, &["", "Accept-Encoding: gzip\r\n"]);
    for answer in answers {
        assert_eq!((answer.status, answer.header("content-type")), (500, WORD));
        assert_eq!(answer.header("content-encoding"), "");
        assert!(
            answer
                .text()
                .ends_with("\nregistry 1 took longer than it may\n")
        );
    }
}

#[test]
fn compressed_pages_are_shared_for_a_moment_and_plain_ones_never() {
    let started = |answer: &Answer| {
        let mut page = String::new();
        if answer.header("content-encoding") == "gzip" {
            flate2::read::GzDecoder::new(&answer.body[..])
                .read_to_string(&mut page)
                .expect("gzip");
        } else {
            answer.text().clone_into(&mut page);
        }
        let line = page
            .lines()
            .find(|line| line.starts_with("monitor_scrapes_total{code=\"200\"}"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
    };
    let config = MonitorConfig::default().registry(prometheus::Registry::new());
    let gzip = "Accept-Encoding: gzip\r\n";
    let long = config.clone().render_cache(Duration::from_secs(50));
    for (config, headers, expected) in [
        (&config, ["", "", ""], [0, 1, 2]),
        (
            &config.clone().render_cache(Duration::ZERO),
            [gzip, gzip, ""],
            [0, 1, 2],
        ),
        (&long, [gzip, gzip, ""], [0, 0, 2]),
    ] {
        let answers = scraped(config, &headers);
        let seen: Vec<_> = answers.iter().filter_map(started).collect();
        assert_eq!(seen, expected, "{headers:?}");
    }
}

#[test]
fn a_registry_s_metrics_are_on_the_page_in_every_format() {
    let registry = prometheus::Registry::new();
    let of_user = prometheus::IntCounter::new("of_user", "The user's own.").expect("a name");
    of_user.inc_by(3);
    registry
        .register(Box::new(of_user))
        .expect("a fresh registry");
    let config = MonitorConfig::default().registry(registry);
    let open = "Accept: application/openmetrics-text;version=1.0.0\r\n";
    let dots = "Accept: application/openmetrics-text;version=1.0.0;escaping=dots\r\n";
    let answers = scraped(&config, &["", open, dots]);
    for (answer, head, sample) in [
        (&answers[0], "# TYPE of_user counter\n", "\nof_user 3\n"),
        (&answers[1], "# TYPE of_user unknown\n", "\nof_user 3\n"),
        (&answers[2], "# TYPE of__user unknown\n", "\nof__user 3\n"),
    ] {
        let page = answer.text();
        assert!(page.contains(head) && page.contains(sample), "{page}");
    }
    assert_eq!(
        answers[2].header("content-type"),
        format!("{OPEN_METRICS}; escaping=dots")
    );
}

#[test]
fn health_details_are_for_this_machine_alone() {
    let bare = r#"{"status":"UP"}"#;
    let with_host = |host: &str, more: &str| {
        exchange(&format!(
            "GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n"
        ))
    };
    for host in ["localhost", "127.0.0.1:9999", "[::1]"] {
        assert!(with_host(host, "").text().contains("components"), "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:9999", ""] {
        assert_eq!(with_host(host, "").text(), bare, "{host}");
    }
    for more in [
        "Forwarded: for=1.2.3.4\r\n",
        "X-Forwarded-For: 1.2.3.4\r\n",
        "X-Real-IP: 1.2.3.4\r\n",
        "Host: localhost\r\n",
    ] {
        assert_eq!(with_host("localhost", more).text(), bare, "{more}");
    }
    let absolute =
        "GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(absolute).text(), bare);
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
