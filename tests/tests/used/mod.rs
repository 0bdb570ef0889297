//! Storages for readers of pages: one in which everything was used, and one with all that is hard to read.
#![allow(
    dead_code,
    reason = "each test file uses its own part; an `expect` would be unfulfilled in one of them"
)]

pub(crate) mod metrics;
mod service;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use monitor_core::config::ConstLabels;
use monitor_core::exemplar::Exemplar;
use monitor_core::exposition::{Format, encode_snapshot};
use monitor_core::names::Profile;
use monitor_core::snapshot::{ServiceInfo, Snapshot};
use monitor_core::{
    Clock, ErrorRules, Keep, Monitor, Outcome, StatValue, StatusRule, StorageConfig, TaskStatus,
};

/// The page of a snapshot.
pub(crate) fn page(snapshot: &Snapshot, profile: Profile, format: Format) -> String {
    let mut out = Vec::new();
    encode_snapshot(snapshot, profile, &[], format, &mut out);
    String::from_utf8(out).expect("a page is UTF-8")
}

/// Uses every feature as documented: the page has every family that a page of a good service can have.
pub(crate) fn everything() -> Monitor {
    let mut config = StorageConfig::default();
    config.errors = rules(&["card declined", "timed out"]);
    config.service_info = vec![info("model_version", "Version of the model.", 7.0)];
    config.max_workers = 4;
    config.max_series = 20;
    // One pair less than there are.
    config.caller_pairs = 4;
    // If the machine's ticks can be read, their family appears only with this clock.
    let monitor = Monitor::with_clock(config, Clock::os());
    monitor.set_exemplars(|| {
        Some(Exemplar::new([(
            "trace_id",
            "4bf92f3577b34da6a3ce929d0e0e4736",
        )]))
    });
    monitor.scope_sync(service::call_all);
    call_by_hand(monitor);
    call_nested(monitor);
    record_values(monitor);
    metrics::register(monitor).expect("all of it can be registered");
    monitor.set_task_status(TaskStatus::ConnectionError, "uploads");
    monitor
}

fn rules(words: &[&str]) -> ErrorRules {
    ErrorRules::try_new([StatusRule {
        status: "CONNECTION_ERROR".to_owned(),
        service_errors: words.iter().map(|&word| word.to_owned()).collect(),
        unhealthy: 5,
    }])
    .expect("good rules")
}

fn info(name: &str, info: &str, value: f64) -> ServiceInfo {
    ServiceInfo {
        name: name.into(),
        info: info.into(),
        value,
    }
}

/// Calls without the attribute, with all that a guard takes.
fn call_by_hand(monitor: Monitor) {
    let method = monitor.method("LookUpWords").expect("a name");
    for tenant in ["acme", "initech"] {
        let mut call = method
            .with_labels(&[("tenant", tenant)])
            .expect("labels")
            .start();
        call.deadline(Some(Duration::from_millis(500)));
        call.request_size(1000);
        call.response_size(20_000);
        call.observe("tokens", 17.0);
        call.observe("gpu time", 0.125);
        call.observe("batch size___kind__small", 8.0);
        call.finish(Outcome::Success);
    }
    for outcome in [
        Outcome::Panic,
        Outcome::Cancelled,
        Outcome::ErrorType("timed out"),
    ] {
        method.start().finish(outcome);
    }
}

/// A call that makes another one, and a sample of self time while it runs.
fn call_nested(monitor: Monitor) {
    let mut sampler = monitor.sampler(Duration::from_millis(10));
    let method = |name| monitor.method(name).expect("a name");
    let (show, look_up) = (method("ShowText"), method("LookUpWords"));
    monitor.scope_sync(|| {
        let call = show.start();
        call.run(|| {
            look_up.start().finish(Outcome::ErrorType("timed out"));
            sampler.sample();
        });
        call.finish(Outcome::Success);
    });
}

/// The value plane, its limits included.
fn record_values(monitor: Monitor) {
    let done: Result<(), monitor_core::StatsError> = (|| {
        monitor.inc_stats("body_bytes___route__analyse", 12)?;
        monitor.inc_stats("jobs___queue__fast", 1)?;
        monitor.inc_stats("jobs___queue__slow", -4)?;
        monitor.set_stats("Cache Hit-Ratio.v2", 0.75)?;
        monitor.set_stats("degraded", false)?;
        monitor.set_stats("version", "1.2")?;
        monitor.counter("words_read")?.add(12);
        for value in [0.2, 0.4, -1.0, f64::NAN] {
            monitor.append_stats("wait time", value, Keep::Default)?;
        }
        let point = [("upload size", 500.0), ("retries", 2.0)];
        monitor.append_stats("stats", StatValue::from_iter(point), Keep::Default)?;
        monitor.add_key_value("tasks", "import", 1_700_000_000.0)?;
        monitor.add_key_value("tasks", "export", 1_700_000_000.0)?;
        monitor.del_key_value("tasks", "export");
        for tenant in 0..30 {
            monitor.inc_stats(&format!("uploads___tenant__{tenant}"), 1)?;
        }
        monitor.set_stats("twice___a b__1___a-b__2", 1)
    })();
    done.expect("all of it can be recorded");
}

/// Texts that mean something in a page, to a parser, or to Unicode.
const TEXTS: &[&str] = &[
    "",
    " ",
    "_",
    "__",
    "\\",
    "\\n",
    "\\\\\"",
    "\"",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{1}\u{7f}\u{85}",
    "\u{2028}\u{2029}\u{feff}",
    "e\u{301}\u{200d}\u{202e}",
    "\u{fffd}\u{ffff}\u{10ffff}",
    "zażółć 漢字 🚀",
    "# EOF",
    "\n# EOF\n",
    "# TYPE x counter",
    "x{a=\"b\"} 1 2",
    "a,b=\"c\"}",
    "NaN",
    "+Inf",
    "9",
    "a:b",
    "le",
    "quantile",
    "__name__",
    "inittime",
    "x_total",
    "x_count",
    "hist_time_full_bucket",
    "tasks_time_spend",
    "request",
    "X",
    "x",
];

const NUMBERS: &[f64] = &[
    0.0,
    -0.0,
    -1.5,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
    5e-324,
    f64::MAX,
    f64::MIN,
    9_007_199_254_740_993.0,
    1e21,
    1e-7,
    0.1,
];

/// Texts and numbers that users can pass and readers may misread: each text as each part of a key, as label of calls, as name of methods,
/// values, task types, errors and service info; and each number.
pub(crate) fn hostile(inittime_label: bool) -> Monitor {
    let mut config = StorageConfig::default();
    let words: Vec<&str> = TEXTS
        .iter()
        .copied()
        .filter(|text| !text.trim().is_empty())
        .collect();
    config.errors = rules(&words);
    config.inittime_label = inittime_label;
    config.caller_pairs = 1000;
    // Calls, keys and metrics have labels of these names, too.
    let labels = [("tenant", "own"), ("a", "\\\"\n🚀")];
    config.const_labels = ConstLabels::try_new(labels).expect("good labels");
    let texts = || TEXTS.iter().zip(NUMBERS.iter().cycle());
    config.service_info = texts()
        .map(|(text, value)| info(text, text, *value))
        .collect();
    let monitor = Monitor::new(config);
    let next = AtomicUsize::new(0);
    monitor.set_exemplars(move || {
        let text = TEXTS[next.fetch_add(1, Ordering::Relaxed) % TEXTS.len()];
        Some(Exemplar::new([("trace_id", text), ("method", "own")]))
    });
    for (text, value) in texts() {
        // A refused key is not on the page; all others have to be readable.
        drop(monitor.set_stats(text, *value));
        drop(monitor.set_stats(&format!("labelled___a__{text}"), *value));
        drop(monitor.set_stats(&format!("named___{text}__value"), *value));
        drop(monitor.append_stats(&format!("time___a__{text}"), *value, Keep::Default));
        let point = BTreeMap::from([(format!("size{text}"), *value), ((*text).to_owned(), 1.0)]);
        drop(monitor.append_stats("stats", point, Keep::Default));
        monitor.set_task_status(TaskStatus::Fatal, text);
        call(monitor, text, *value);
    }
    let long = "x\\\"\n🚀".repeat(2000);
    drop(monitor.set_stats(&format!("long___a__{long}"), 1));
    drop(monitor.set_stats(&long, 2));
    metrics::register_hostile(monitor);
    drop(monitor.set_stats("greatest", i64::MAX));
    drop(monitor.set_stats("least", i64::MIN));
    monitor
}

fn call(monitor: Monitor, text: &str, value: f64) {
    if let Ok(method) = monitor.method(text) {
        let labelled = monitor.method("Labelled").expect("a name");
        monitor.scope_sync(|| {
            let call = method.start();
            call.run(|| labelled.start().finish(Outcome::Success));
            call.finish(Outcome::ErrorType(text));
        });
    }
    let method = monitor.method("Labelled").expect("a name");
    method.start().finish(Outcome::Success);
    let mut call = method
        .with_labels(&[("tenant", text)])
        .expect("a label")
        .start();
    call.observe(text, value);
    call.observe(&format!("time {text}"), value);
    call.finish(Outcome::Success);
}
