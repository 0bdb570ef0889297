//! What takes minutes: the stopwatch, 5,000 methods, a day.

use std::time::{Duration, Instant};

use monitor_core::Outcome;
use monitor_server::MonitorConfig;
use monitor_tests::browser::Browser;
use monitor_tests::live_page::{self, LivePage, SCREENS, go, settle};

use crate::support::{Load, Served, browser, until_recorded, url};
use crate::textprocessor::{TextProcessor, post};

/// The verdict's headline must name the culprit so long after an incident can be seen.
const IN_TIME: Duration = Duration::from_secs(10);

/// The incidents of the example, with what the headline says, and how long it takes until a first call shows it.
const INCIDENTS: [(&str, &str, &str, Duration); 5] = [
    ("errors", "FAILING", "RankKeywords", Duration::ZERO),
    (
        "latency",
        "SLOW",
        "RankNeighbours",
        Duration::from_millis(40),
    ),
    (
        "dictionary",
        "FAILING",
        "LookUpWords",
        Duration::from_millis(500),
    ),
    ("stuck", "STUCK", "LookUpWords", Duration::from_millis(4500)),
    (
        "overload",
        "OVERLOADED",
        "Spelling",
        Duration::from_millis(200),
    ),
];

const HEADLINE: &str =
    "document.getElementById('verdict').innerText.split('\\n').slice(0, 4).join(' ')";

fn time_to_headline(browser: &mut Browser, word: &str, culprit: &str) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_mins(1) {
        let headline = browser.text(HEADLINE);
        if headline.contains(word) && headline.contains(culprit) {
            return Some(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    None
}

/// The headline of an open page names the fault and its method within 10 s, for each kind of incident.
#[test]
#[ignore = "takes 20 minutes: the verdict learns for 11; scripts/test --all"]
fn the_headline_names_each_incident_in_ten_seconds() {
    let test = "the_headline_names_each_incident_in_ten_seconds";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let example = TextProcessor::start(&["--load", "30"]);
    browser.open(&url(example.monitor));
    settle(&mut browser, "now");
    std::thread::sleep(Duration::from_mins(11));
    let mut late = Vec::new();
    for (kind, word, culprit, visible) in INCIDENTS {
        assert_eq!(
            post(example.service, &format!("/incident/{kind}"), b"").status,
            204
        );
        let taken = time_to_headline(&mut browser, word, culprit);
        println!("{kind}: {taken:?}");
        if taken.is_none_or(|taken| taken > visible + IN_TIME) {
            late.push(format!(
                "{kind} after {taken:?}: {}",
                browser.text(HEADLINE)
            ));
        }
        std::thread::sleep(Duration::from_secs(20));
        assert_eq!(post(example.service, "/incident/end", b"").status, 204);
        let calm = "['OK', 'IDLE'].some(word => document.getElementById('verdict').innerText.includes(word))";
        browser.until_within(Duration::from_mins(3), "it is OK again", calm);
        std::thread::sleep(Duration::from_mins(1));
    }
    assert!(late.is_empty(), "{}", late.join("\n"));
}

/// The same without a normal: failures of most calls are told in a process of a few seconds.
#[test]
fn the_headline_names_failures_of_a_young_process_in_ten_seconds() {
    let test = "the_headline_names_failures_of_a_young_process_in_ten_seconds";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let example = TextProcessor::start(&["--load", "40"]);
    browser.open(&url(example.monitor));
    settle(&mut browser, "now");
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(
        post(example.service, "/incident/dictionary", b"").status,
        204
    );
    let taken = time_to_headline(&mut browser, "FAILING", "LookUpWords");
    let taken = taken.expect("the headline names it");
    println!("dictionary: {taken:?}");
    assert!(taken <= IN_TIME + Duration::from_millis(500), "{taken:?}");
    let headline = browser.text(HEADLINE);
    assert!(
        headline.contains("timed out") && headline.contains("since"),
        "{headline}"
    );
}

/// A table of 5,000 rows is sorted and scrolled, and few of them are in the document.
#[test]
#[ignore = "fills the memory of 5,000 methods; scripts/test --all"]
fn five_thousand_methods_are_sorted_and_scrolled_without_a_long_task() {
    let test = "five_thousand_methods_are_sorted_and_scrolled_without_a_long_task";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let names = (0..5000).map(|number| format!("Area{}.Method{number:04}", number % 12));
    let config = MonitorConfig::default().methods(names.clone());
    let served = Served::start(&config);
    for name in names {
        served.calls(&name, 3, Outcome::Success);
    }
    until_recorded();
    let page = LivePage::open(&mut browser, &served.url(), Some("Area0.Method0000"));
    page.show(&mut browser, "methods");
    let elements = browser.number("document.querySelectorAll('*').length");
    assert!(elements < 2500.0, "{elements} elements");
    let count = browser
        .number("Number(document.querySelector('main table').getAttribute('aria-rowcount'))");
    assert!((5000.0..5010.0).contains(&count), "{count} rows");
    let times = live_page::long_table(&mut browser);
    println!("{times:?}");
    assert!(times.sorted < 0.1 && times.long_tasks < 0.5, "{times:?}");
    // The filter finds what is not in the document.
    browser.key("/");
    browser.type_text("method4321");
    browser.until(
        "it is found",
        "document.querySelectorAll('main tbody a').length === 1",
    );
}

/// The page is open for a day, whose time goes fast: nothing of it grows.
#[test]
#[ignore = "43,200 polls; scripts/test --all"]
fn nothing_grows_in_a_day() {
    let test = "nothing_grows_in_a_day";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    let _load = Load::start(served.monitor, &["Analyse", "FailingLookUp", "ShowText"]);
    until_recorded();
    browser.open(&served.url());
    settle(&mut browser, "now");
    let mut seen = Vec::new();
    // Each hour another screen; three times round, so that each is seen again.
    for hour in 0..24 {
        let screen = SCREENS[hour % SCREENS.len()];
        let fragment = if screen == "method" {
            "#/method/FailingLookUp".to_owned()
        } else {
            format!("#/{screen}")
        };
        go(&mut browser, screen, &fragment);
        browser.fast_forward(Duration::from_hours(1));
        let figures = browser.figures();
        let figure = |name: &str| figures.get(name).copied().unwrap_or_default();
        let longest = browser.number(
            "import('/page.js').then(page => { let longest = 0; const seen = new Set();
               const walk = value => { if (!value || typeof value !== 'object' || seen.has(value)) return; seen.add(value);
                 if (Number.isInteger(value.length)) longest = Math.max(longest, value.length);
                 if (!ArrayBuffer.isView(value) && !(value instanceof Node)) for (const one of Object.values(value)) walk(one); };
               walk(page.page); return longest; })",
        );
        println!(
            "hour {hour}, {screen}: {} nodes, {:.1} MB, longest list {longest}",
            figure("Nodes"),
            figure("JSHeapUsedSize") / 1e6
        );
        seen.push((screen, figure("Nodes"), figure("JSHeapUsedSize"), longest));
    }
    let (first, last) = (&seen[..8], &seen[16..]);
    for (before, after) in first.iter().zip(last) {
        assert!(
            after.1 <= before.1 * 1.1 + 100.0,
            "nodes on {}: {} and then {}",
            before.0,
            before.1,
            after.1
        );
        assert!(
            after.2 <= before.2 * 1.15 + 2e6,
            "heap on {}: {} and then {}",
            before.0,
            before.2,
            after.2
        );
        assert!(after.3 <= 1000.0, "a list of {} on {}", after.3, before.0);
    }
}
