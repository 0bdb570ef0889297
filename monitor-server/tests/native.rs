//! Pages in protobuf, by socket: offered while `native_histograms` is on, to clients that name it, and to no others.
#![cfg(feature = "gzip")]

#[path = "../../monitor-core/src/export/protobuf/tests/reader.rs"]
mod reader;
mod served;

use std::io::Read;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use monitor_core::{Monitor, Outcome, StorageConfig};
use monitor_server::{MetricServer, MonitorConfig, Profile};
use served::{connect, local, send, started, turn};

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

#[test]
fn a_server_that_is_mounted_follows_the_key() {
    let _turn = turn();
    for on in [false, true] {
        let config = MonitorConfig::default().native_histograms(on);
        let monitor = Monitor::new(StorageConfig::default());
        let server = MetricServer::with_config(&config, monitor);
        let handle = server.run_in_thread(([127, 0, 0, 1], 0)).expect("a thread");
        let (head, _) = get(handle.local_addr(), "/metrics", PROMETHEUS);
        assert_eq!(content_type(&head) == MESSAGES.to_lowercase(), on, "{head}");
        handle.shutdown();
    }
}
