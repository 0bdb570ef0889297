//! `/metrics` in memory: headers and query, refusals, and how they are counted.

use std::time::{Duration, Instant};

use http::header::HeaderName;
use monitor_core::names::Profile;

use super::*;
use crate::Limits;
use crate::render::tests::{Probe, registry_with};

fn served(config: &MonitorConfig) -> Arc<Context> {
    Arc::new(Context::new(Monitor::new(StorageConfig::default()), config))
}

fn with_limits(registry: Registry, limits: Limits) -> Arc<Context> {
    served(&MonitorConfig::default().registry(registry).limits(limits))
}

async fn scrape(
    context: &Arc<Context>,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = request(method, target);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        request.headers_mut().append(name, value);
    }
    ask(all(Arc::clone(context)), request).await
}

const TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

#[tokio::test]
async fn head_has_the_headers_of_get_in_every_format_and_encoding() {
    let context = context(StorageConfig::default());
    let one = "/metrics?name[]=service_tasks_started_total";
    for headers in [
        &[][..],
        &[("accept", "application/openmetrics-text;escaping=dots")],
        &[("accept", "text/plain;version=1.0.0;escaping=values")],
        &[("accept-encoding", "gzip")],
    ] {
        let head = scrape(&context, "HEAD", one, headers).await;
        let get = scrape(&context, "GET", one, headers).await;
        assert_eq!(head.headers, get.headers, "{headers:?}");
        assert_eq!(head.header("vary"), "Accept, Accept-Encoding");
        assert_eq!(head.header("content-length"), get.length.to_string());
        assert!(head.length == 0 && get.length != 0);
    }
}

#[tokio::test]
async fn compression_can_be_switched_off() {
    let config = MonitorConfig::default()
        .registry(Registry::new())
        .disable_compression(true);
    let context = served(&config);
    let answer = scrape(&context, "GET", "/metrics", &[("accept-encoding", "gzip")]).await;
    assert_eq!(answer.header("content-encoding"), "");
    assert!(answer.body.contains("service_tasks_started_total 0"));
}

#[tokio::test]
async fn scrapes_are_counted_by_code_and_bytes() {
    let context = context(StorageConfig::default());
    let first = scrape(&context, "GET", "/metrics", &[]).await;
    scrape(&context, "HEAD", "/metrics", &[]).await;
    let many = format!("/metrics?name[]={}", "a".repeat(1025));
    let refused = scrape(&context, "GET", &many, &[]).await;
    assert_eq!(
        (refused.status, refused.header("cache-control")),
        (400, "no-store")
    );
    let page = scrape(&context, "GET", "/metrics", &[]).await.body;
    let bytes = first.body.len() + refused.body.len();
    for line in [
        "monitor_scrapes_total{code=\"200\"} 2",
        "monitor_scrapes_total{code=\"400\"} 1",
        "monitor_scrapes_total{code=\"500\"} 0",
        "monitor_scrapes_in_flight 1",
        &format!("monitor_scrape_body_bytes_total {bytes}"),
        "monitor_scrape_render_seconds_count 2",
    ] {
        assert!(page.lines().any(|other| other == line), "{line}: {page}");
    }
}

/// The families of a page, with their series.
fn families_of(page: &str) -> Vec<(String, Vec<String>)> {
    let mut families: Vec<(String, Vec<String>)> = Vec::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, _) = rest.split_once(' ').expect("a type");
            families.push((name.to_owned(), Vec::new()));
        } else if let Some((series, _)) = line.rsplit_once(' ')
            && !line.starts_with('#')
        {
            let (_, all) = families.last_mut().expect("below its family");
            all.push(series.to_owned());
        }
    }
    families
}

#[tokio::test]
async fn each_family_is_there_by_its_name_and_by_those_of_its_samples() {
    const FORMATS: [&str; 3] = [
        "text/plain",
        "application/openmetrics-text",
        "application/openmetrics-text;escaping=dots",
    ];
    let registry = Registry::new();
    let options = prometheus::HistogramOpts::new("theirs", "Theirs.");
    let theirs = prometheus::Histogram::with_opts(options).expect("options");
    registry.register(Box::new(theirs)).expect("once");
    for profile in Profile::ALL {
        let config = MonitorConfig::default()
            .registry(registry.clone())
            .profile(profile);
        let monitor = Monitor::new(StorageConfig::default());
        let method = monitor.method("Get").expect("a name");
        method.start().finish(monitor_core::Outcome::Success);
        let context = Arc::new(Context::new(monitor, &config));
        let page = async |accept, name: &str| {
            let target = format!("/metrics?name[]={name}");
            let answer = scrape(&context, "GET", &target, &[("accept", accept)]).await;
            families_of(&answer.body)
        };
        let [text, open, dots] = [
            page(FORMATS[0], "").await,
            page(FORMATS[1], "").await,
            page(FORMATS[2], "").await,
        ];
        let own = match profile {
            Profile::Servicekit => "stats_request",
            _ => "service_requests_total",
        };
        assert!(text.iter().any(|(name, _)| name == own), "{profile}");
        for (format, whole) in FORMATS.into_iter().zip([text, open, dots]) {
            for (family, series) in &whole {
                let first = series[0].split('{').next().expect("a name");
                let found = page(format, first).await;
                assert_eq!(found.len(), 1, "{profile} {format} {first}");
                assert_eq!(found[0].1[0], series[0], "{profile} {format} {first}");
                // In text the name of a family is one of its samples', or none.
                if format != FORMATS[0] {
                    let found = page(format, family).await;
                    assert_eq!(found.len(), 1, "{profile} {format} {family}");
                    assert_eq!(found[0].1, *series, "{profile} {format} {family}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_is_late_is_a_503_that_says_when_to_come_back() {
    let limits = Limits::default().scrape_timeout(Duration::from_millis(50));
    let context = with_limits(Registry::new(), limits);
    context.renderer.stop_rendering();
    for headers in [
        &[][..],
        &[(TIMEOUT, "0.06")],
        &[(TIMEOUT, "1e300")],
        &[(TIMEOUT, "-1")],
    ] {
        let begin = Instant::now();
        let late = scrape(&context, "GET", "/metrics", headers).await;
        assert!(begin.elapsed() < Duration::from_secs(5), "{headers:?}");
        assert_eq!(
            (late.status, late.header("retry-after")),
            (503, "1"),
            "{headers:?}"
        );
        assert_eq!(late.header("cache-control"), "no-store");
        assert_eq!(late.body, "the page was not ready in time");
    }
    assert_eq!(context.metrics.errors(Cause::Timeout), 4);
}

#[tokio::test]
async fn the_scraper_s_own_limit_decides_how_long_a_registry_is_waited_for() {
    let hanging = Probe::hanging();
    let limits = Limits::default().gather_timeout(Duration::ZERO);
    let context = with_limits(registry_with(hanging.clone()), limits);
    let begin = Instant::now();
    let page = scrape(&context, "GET", "/metrics", &[(TIMEOUT, "0.4")]).await;
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("service_tasks_started_total 0"),
        "{}",
        page.body
    );
    let hurried = "monitor_scrape_errors_total{cause=\"hurried\"} 1\n";
    assert!(page.body.contains(hurried), "{}", page.body);
    hanging.release();
}

#[tokio::test]
async fn a_strict_scrape_that_lacks_a_registry_is_a_500_that_names_it() {
    let hanging = Probe::hanging();
    let config = MonitorConfig::default()
        .registry(Registry::new())
        .registry(registry_with(hanging.clone()))
        .strict(true)
        .limits(Limits::default().gather_timeout(Duration::from_millis(20)));
    let context = served(&config);
    for method in ["GET", "HEAD"] {
        let refused = scrape(&context, method, "/metrics", &[]).await;
        assert_eq!(
            (
                refused.status,
                refused.header("content-type"),
                refused.header("cache-control")
            ),
            (500, "text/plain; charset=utf-8", "no-store")
        );
        let body =
            "the page is incomplete, and `strict` is set\nregistry 2 took longer than it may\n";
        assert_eq!(refused.body, if method == "GET" { body } else { "" });
        assert_eq!(refused.header("content-length"), body.len().to_string());
    }
    assert_eq!(context.metrics.errors(Cause::Overrun), 2);
    assert_eq!(get(&context, "/livez").await.status, 200);
    hanging.release();
    let begin = Instant::now();
    let whole = loop {
        let page = scrape(&context, "GET", "/metrics", &[]).await;
        if page.status == 200 || begin.elapsed() > Duration::from_secs(5) {
            break page;
        }
    };
    let refused = "monitor_scrapes_total{code=\"500\"} ";
    assert!(
        !whole.body.contains(&format!("{refused}0\n")),
        "{}",
        whole.body
    );
    assert!(whole.body.contains(refused), "{}", whole.body);
}

#[tokio::test]
async fn more_scrapes_than_may_wait_are_a_503() {
    let hanging = Probe::hanging();
    let limits = Limits::default().max_scrapes(2);
    let context = with_limits(registry_with(hanging.clone()), limits);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let context = Arc::clone(&context);
            tokio::spawn(async move { scrape(&context, "GET", "/metrics", &[]).await.status })
        })
        .collect();
    // Lets both arrive: on this runtime a task runs as soon as another waits.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let busy = scrape(&context, "GET", "/metrics", &[]).await;
    assert_eq!((busy.status, busy.header("retry-after")), (503, "1"));
    assert_eq!(busy.body, "too many scrapes are waiting");
    assert_eq!(context.metrics.errors(Cause::Busy), 1);
    hanging.release();
    for one in waiting {
        assert_eq!(one.await.expect("no panic"), 200);
    }
    assert_eq!(scrape(&context, "GET", "/metrics", &[]).await.status, 200);
}
