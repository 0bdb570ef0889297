//! What the page says is what `/metrics` says, and what was really so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use monitor_core::verdict::numbers::{self, NumberStyle};
use monitor_core::{ErrorText, NamedView, Outcome};
use monitor_server::MonitorConfig;
use monitor_tests::browser::Browser;
use monitor_tests::live_page::{go, settle};

use crate::support::{Served, browser, until_recorded};
use crate::textprocessor::{Page, get};

/// The texts of the cells of a method's row, by the keys of their columns; units are divided by blanks.
fn row(browser: &mut Browser, method: &str) -> BTreeMap<String, String> {
    let cells = browser.run(&format!(
        "const tr = [...document.querySelectorAll('.table.methods tbody tr')].find(tr => tr.querySelector('a')?.textContent === {method:?});
         return tr && [...tr.cells].map(td => [/c-(\\S+)/.exec(td.className)[1], td.textContent.replaceAll('\\u202f', ' ').trim()]);"
    ));
    let cells = cells.as_array().cloned().unwrap_or_default();
    assert!(!cells.is_empty(), "no row of {method}");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    cells
        .iter()
        .map(|cell| (text(&cell[0]), text(&cell[1])))
        .collect()
}

/// Calls whose durations are known exactly, as they were measured beside the recording.
fn timed_calls(served: &Served, method: &str, number: u32) -> Vec<f64> {
    // 3 ms to 0.6 s, evenly by magnitude.
    let share = |at: u32| f64::from(at) / f64::from(number);
    let planned = (0..number).map(|at| Duration::from_secs_f64(0.003 * 200_f64.powf(share(at))));
    let begun: Vec<_> = planned
        .map(|duration| (Instant::now(), duration, served.call(method)))
        .collect();
    let ended = begun.into_iter().map(|(begin, duration, call)| {
        std::thread::sleep(duration.saturating_sub(begin.elapsed()));
        call.finish(Outcome::Success);
        begin.elapsed().as_secs_f64()
    });
    ended.collect()
}

/// 90 calls succeed, 30 fail, and 15 do as expected.
fn mixed_calls(served: &Served) {
    served.calls("Mixed", 90, Outcome::Success);
    let failed = Outcome::Named(NamedView {
        error_type: "timeout",
        text: ErrorText::Text("no answer"),
    });
    served.calls("Mixed", 30, failed);
    served.calls("Mixed", 15, Outcome::Expected("refused"));
}

/// Makes the calls once more where those of before may be older than the 30 s that the page shows, once they are: steps of
/// a browser take long on a busy machine.
fn record_again(served: &Served, recorded: &mut Instant) {
    if recorded.elapsed() > Duration::from_secs(20) {
        std::thread::sleep(Duration::from_secs(40).saturating_sub(recorded.elapsed()));
        served.calls("Timed", 300, Outcome::Success);
        mixed_calls(served);
        *recorded = Instant::now();
        until_recorded();
    }
}

#[test]
fn calls_failures_and_quantiles_are_those_that_were_recorded() {
    let test = "calls_failures_and_quantiles_are_those_that_were_recorded";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = Served::start(&MonitorConfig::default().errors("refused", ["refused"], 0));
    browser.open(&served.url());
    go(&mut browser, "methods", "#/methods");
    let mut durations = timed_calls(&served, "Timed", 300);
    mixed_calls(&served);
    let mut recorded = Instant::now();
    let hanging: Vec<_> = (0..7).map(|_| served.call("Hanging")).collect();
    until_recorded();
    browser.until(
        "all are there",
        "document.querySelectorAll('.table.methods tbody a').length === 3 && /\\d/.test(document.querySelector('.table.methods').innerText)",
    );

    // All within the last 30 s: the windows of the page hold all that `/metrics` counts.
    let page = Page::parse(&get(served.addr(), "/metrics").body);
    let of = |name: &str, method: &str| page.get(name, &[("method", method)]).unwrap_or_default();
    let begun = of("service_requests_total", "Mixed");
    assert!((begun - 135.0).abs() < 0.5);
    let mixed = row(&mut browser, "Mixed");
    let timed = row(&mut browser, "Timed");
    let still = row(&mut browser, "Hanging");
    // A process that is younger than the window has rates of its life: those of two methods are as their calls.
    let rate = |cells: &BTreeMap<String, String>| cells["rate"].parse::<f64>().expect("a rate");
    let ratio = begun / of("service_requests_total", "Timed");
    assert!(
        (rate(&mixed) / rate(&timed) / ratio - 1.0).abs() < 0.1,
        "{mixed:?} {timed:?}"
    );
    // Expected failures do not count.
    assert_eq!(
        mixed["failed"],
        numbers::share(30.0 / 135.0, NumberStyle::Prose),
        "{mixed:?}"
    );
    let in_flight = of("service_requests_in_flight", "Hanging");
    assert_eq!(still["in_flight"], format!("{in_flight:.0}"), "{still:?}");
    assert_eq!(timed["failed"], "0");
    assert_eq!(timed["in_flight"], "0");

    durations.sort_by(f64::total_cmp);
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list of 300"
        )]
        let at = (durations.len() as f64 * share).ceil() as usize - 1;
        let exact = durations[at];
        let shown = seconds(&timed[name]);
        assert!(
            (shown / exact - 1.0).abs() <= 0.1,
            "{name}: {} on the page, {exact} exactly",
            timed[name]
        );
    }

    record_again(&served, &mut recorded);
    // The method's own screen, and Now: 442 entry calls, of which 30 failed.
    go(&mut browser, "method", "#/method/Mixed");
    let main = browser
        .text("document.getElementById('main').innerText")
        .replace('\u{202f}', " ");
    for text in [
        numbers::share(30.0 / 135.0, NumberStyle::Prose),
        "timeout".to_owned(),
        "refused".to_owned(),
        "no answer".to_owned(),
    ] {
        assert!(main.contains(&text), "no `{text}` in {main}");
    }
    record_again(&served, &mut recorded);
    browser.key("1");
    settle(&mut browser, "now");
    let main = browser
        .text("document.getElementById('main').innerText")
        .replace('\u{202f}', " ");
    let of_all = numbers::share(30.0 / 435.0, NumberStyle::Prose);
    assert!(main.contains(&of_all), "no `{of_all}` in {main}");
    drop(hanging);
}

/// The seconds of a duration as the page writes it.
fn seconds(text: &str) -> f64 {
    let (number, unit) = text.split_once(' ').expect("a number and a unit");
    let number: f64 = number.parse().expect("a number");
    number
        * match unit {
            "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            _ => panic!("{text}"),
        }
}

#[test]
fn values_and_health_are_those_of_metrics_and_health() {
    let test = "values_and_health_are_those_of_metrics_and_health";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let config = MonitorConfig::default()
        .blocking_check("disk", Duration::from_secs(1), || Ok::<(), String>(()))
        .blocking_check("cache", Duration::from_secs(1), || {
            Err::<(), _>("refused by peer")
        });
    let served = Served::start(&config);
    for _ in 0..1234 {
        served.monitor.inc_stats("lookups", 1).expect("a number");
    }
    served
        .monitor
        .set_stats("temperature", 21.5)
        .expect("a number");
    served.calls("Analyse", 10, Outcome::Success);
    until_recorded();
    browser.open(&served.url());
    go(&mut browser, "values", "#/values");
    let page = Page::parse(&get(served.addr(), "/metrics").body);
    let lookups = page.total("service_value_lookups");
    assert!((lookups - 1234.0).abs() < 0.5);
    let main = browser
        .text("document.getElementById('main').innerText")
        .replace('\u{202f}', " ");
    // Measured numbers have three digits in the JSON, so the last one of 1,234 is not there.
    for text in ["1,23", "21.5"] {
        assert!(main.contains(text), "no `{text}` in {main}");
    }
    go(&mut browser, "health", "#/health");
    let main = browser.text("document.getElementById('main').innerText");
    for text in [
        "disk",
        "cache",
        "DOWN",
        "UP",
        "refused by peer",
        "/readyz",
        "/livez",
    ] {
        assert!(main.contains(text), "no `{text}` in {main}");
    }
}
