//! Pages in protobuf, by socket: offered while `native_histograms` is on, to clients that name it, and to no others.
#![cfg(feature = "gzip")]

#[path = "../../monitor-core/src/export/protobuf/tests/reader.rs"]
mod reader;
mod served;

use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use monitor_core::{Clock, Monitor, Outcome, StorageConfig};
use monitor_server::{MetricServer, MetricServerHandle, MonitorConfig, Profile};
use served::{connect, local, send, started, turn};
use tower_service::Service as _;

const MESSAGES: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// As Prometheus 3.5.3 asks where it ingests native histograms.
const PROMETHEUS: &str = "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1\r\n";

/// The head of an answer, in lower case, and its body.
fn get(address: SocketAddr, target: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = connect(address);
    send(
        &mut stream,
        &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"),
    );
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.expect("a head") + 4);
    (String::from_utf8_lossy(&answer).to_lowercase(), body)
}

fn content_type(head: &str) -> &str {
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("content-type: "));
    line.unwrap_or_else(|| panic!("no type: {head}"))
}

fn families(page: &[u8]) -> Vec<reader::Family> {
    reader::read(page).expect("a page of messages")
}

#[test]
fn with_the_key_on_who_names_protobuf_gets_it_and_nobody_else() {
    let served = started(local().native_histograms(true));
    let address = served.local_addr();
    let method = served.monitor().method("Native").expect("a name");
    method.start().finish(Outcome::Success);
    let (head, page) = get(address, "/metrics", PROMETHEUS);
    assert_eq!(content_type(&head), MESSAGES.to_lowercase());
    assert!(head.contains("vary: accept, accept-encoding\r\n"), "{head}");
    let all = families(&page);
    let family = |name: &str| {
        let found = all.iter().find(|family| family.name == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    // The names are those of the text page, and the counts.
    let calls = family("service_requests_total");
    assert_eq!(calls.kind, "counter");
    let own = [("method".to_owned(), "Native".to_owned())];
    let of_method = calls.metrics.iter().find(|one| one.labels == own);
    let of_method = of_method.expect("the method");
    assert_eq!(of_method.value, reader::Value::Number(1.0));
    assert!(of_method.started.is_some_and(|at| at > 1.6e9));
    // Families of the server and of the process stand beside those of the storage.
    family("monitor_scrapes_total");
    assert_eq!(family("service_request_duration_seconds").unit, "seconds");

    for (headers, expected) in [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "Accept: */*\r\n",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        (
            "Accept: application/*\r\n",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (
            "Accept: application/vnd.google.protobuf\r\n",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
    ] {
        let (head, page) = get(address, "/metrics", headers);
        assert_eq!(content_type(&head), expected, "{headers}");
        assert!(page.starts_with(b"# HELP "), "{headers}");
    }
    let (_, index) = get(address, "/", "");
    assert!(String::from_utf8_lossy(&index).contains("or in protobuf\n"));
}

#[test]
fn counts_of_the_server_started_with_it() {
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.expect("a time after 1970").as_secs_f64()
    };
    // A page has whole microseconds.
    let before = now().floor();
    let served = started(local().native_histograms(true));
    let after = now();
    let (_, page) = get(served.local_addr(), "/metrics", PROMETHEUS);
    let page = families(&page);
    let known = monitor_server::scrape_families();
    let mut starts = Vec::new();
    for own in page
        .iter()
        .filter(|one| known.iter().any(|family| family.name == one.name))
    {
        for metric in &own.metrics {
            assert_eq!(
                metric.started.is_some(),
                own.kind != "gauge",
                "{}",
                own.name
            );
            starts.extend(metric.started);
        }
    }
    assert!(starts.len() > 10, "{starts:?}");
    assert!(
        starts.iter().all(|start| (before..=after).contains(start)),
        "{starts:?}"
    );
    for (name, kind) in [
        ("monitor_scrapes_total", "counter"),
        ("monitor_scrape_render_seconds", "summary"),
        ("monitor_scrape_errors_total", "counter"),
    ] {
        assert!(
            page.iter()
                .any(|one| (&*one.name, one.kind) == (name, kind)),
            "{name}"
        );
    }
}

#[test]
fn a_compressed_page_holds_the_same_and_a_filtered_one_the_named_families() {
    let served = started(local().native_histograms(true).profile(Profile::Servicekit));
    let address = served.local_addr();
    let gzip = format!("{PROMETHEUS}Accept-Encoding: gzip\r\n");
    let (head, compressed) = get(address, "/metrics", &gzip);
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    assert_eq!(content_type(&head), MESSAGES.to_lowercase());
    let mut page = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(&*compressed);
    decoder.read_to_end(&mut page).expect("gzip");
    let (_, plain) = get(address, "/metrics", PROMETHEUS);
    let names = |page: &[u8]| -> Vec<String> {
        let families = families(page).into_iter();
        families.map(|family| family.name).collect()
    };
    assert_eq!(names(&page), names(&plain));
    assert!(names(&page).contains(&"tasks_time_spent_quantile".to_owned()));
    for name in [
        "tasks_time_spent_quantile",
        "tasks_time_spent_quantile_bucket",
    ] {
        let (_, page) = get(address, &format!("/metrics?name[]={name}"), PROMETHEUS);
        assert_eq!(names(&page), ["tasks_time_spent_quantile"]);
    }
    let (head, page) = get(address, "/metrics?name[]=nothing", PROMETHEUS);
    assert_eq!(content_type(&head), MESSAGES.to_lowercase());
    assert_eq!(families(&page), []);
}

#[test]
fn with_the_key_off_the_same_request_gets_openmetrics() {
    let served = started(local());
    let (head, page) = get(served.local_addr(), "/metrics", PROMETHEUS);
    assert_eq!(
        content_type(&head),
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
    );
    assert!(page.ends_with(b"# EOF\n"));
    let (_, index) = get(served.local_addr(), "/", "");
    assert!(!String::from_utf8_lossy(&index).contains("protobuf"));
}

/// The value of `Accept` that Prometheus sends.
fn accept() -> &'static str {
    let (_, value) = PROMETHEUS.split_once(": ").expect("a header");
    value.trim_end()
}

#[test]
fn a_server_that_is_mounted_follows_the_key() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    for on in [false, true] {
        let config = MonitorConfig::default().native_histograms(on);
        let monitor = Monitor::new(StorageConfig::default());
        let mut mounted = MetricServer::with_config(&config, monitor).service();
        let request = http::Request::get("/metrics").header("accept", accept());
        let request = request.body(()).expect("a request");
        let answer = runtime.block_on(mounted.call(request)).expect("an answer");
        assert_eq!(
            answer.headers()["content-type"] == MESSAGES,
            on,
            "{answer:?}"
        );
    }
}

#[test]
fn a_server_on_a_thread_of_its_own_follows_the_key() {
    let _turn = turn();
    for on in [false, true] {
        let config = MonitorConfig::default().native_histograms(on);
        let handle = served_on_a_thread(&config, Monitor::new(StorageConfig::default()));
        let (head, _) = get(handle.local_addr(), "/metrics", PROMETHEUS);
        assert_eq!(content_type(&head) == MESSAGES.to_lowercase(), on, "{head}");
        handle.shutdown();
    }
}

fn served_on_a_thread(config: &MonitorConfig, monitor: Monitor) -> MetricServerHandle {
    let server = MetricServer::with_config(config, monitor);
    server.run_in_thread(([127, 0, 0, 1], 0)).expect("a thread")
}

#[test]
fn a_head_request_has_the_head_of_the_page_in_protobuf() {
    let served = started(local().native_histograms(true));
    let mut stream = connect(served.local_addr());
    send(
        &mut stream,
        &format!(
            "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{PROMETHEUS}\r\n"
        ),
    );
    let answer = served::read_all(&mut stream).to_lowercase();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(content_type(head), MESSAGES.to_lowercase());
    assert!(head.contains("content-length: "), "{head}");
    assert_eq!(body, "");
}

#[test]
fn a_page_in_protobuf_is_served_again_while_it_is_young() {
    let config = local().native_histograms(true);
    let served = started(config.render_cache(Duration::from_mins(1)));
    let address = served.local_addr();
    let method = served.monitor().method("Cached").expect("a name");
    method.start().finish(Outcome::Success);
    let (_, first) = get(address, "/metrics", PROMETHEUS);
    method.start().finish(Outcome::Success);
    let (head, text) = get(address, "/metrics", "");
    assert!(content_type(&head).starts_with("text/plain"), "{head}");
    assert!(text.starts_with(b"# HELP "));
    let (head, second) = get(address, "/metrics", PROMETHEUS);
    assert_eq!(content_type(&head), MESSAGES.to_lowercase());
    assert_eq!(families(&first), families(&second));
    assert_eq!(first, second);
}

#[test]
fn the_text_page_is_the_same_with_the_key_and_without() {
    let _turn = turn();
    let (clock, hand) = Clock::manual(1.7e9);
    let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    for nanos in [40, 4_000, 4_000_000, 4_000_000_000] {
        let mut call = monitor.method("Timed").expect("a name").start();
        hand.advance(Duration::from_nanos(nanos));
        call.request_size(nanos);
        call.finish(Outcome::Success);
    }
    let [off, on] = [false, true].map(|on| {
        let config = MonitorConfig::default().native_histograms(on);
        let handle = served_on_a_thread(&config, monitor);
        // A page of the other kind before it leaves nothing behind.
        get(handle.local_addr(), "/metrics", PROMETHEUS);
        let (_, page) = get(handle.local_addr(), "/metrics", "");
        handle.shutdown();
        at_rest(&String::from_utf8(page).expect("UTF-8"))
    });
    assert!(off.contains("service_request_duration_seconds_bucket{"));
    assert_eq!(off, on);
}

/// The lines that are not about the server or the process, which change by themselves.
fn at_rest(page: &str) -> String {
    let is_still = |line: &&str| {
        let name = line
            .trim_start_matches("# HELP ")
            .trim_start_matches("# TYPE ");
        let changing = ["monitor_scrape", "monitor_server_", "process_"];
        !changing.iter().any(|own| name.starts_with(own))
    };
    page.split_inclusive('\n').filter(is_still).collect()
}
