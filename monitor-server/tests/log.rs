//! Log lines about health: marks that name nothing, checks that change, tasks that a drain leaves; and a log that panics.
//! One process, one log.

mod served;

use std::fmt::{Debug, Write};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use monitor_core::names::Profile;
use monitor_core::{Monitor, Outcome, StorageConfig, Totals};
use monitor_server::{Check, Limits, MetricServer, MonitorConfig};
use served::{
    Slow, ask, connect, eventually, local, page, read_all, send, started, status, status_of, turn,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

const PATIENCE: Duration = Duration::from_secs(30);

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn lines(that_say: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let found = lines.iter().filter(|line| line.contains(that_say));
    found.cloned().collect()
}

/// Whether the log panics on the server's threads, as one that can write nowhere does.
static BROKEN: AtomicBool = AtomicBool::new(false);

/// How many lines were lost that way.
static LOST: AtomicU32 = AtomicU32::new(0);

/// Keeps lines of level INFO and above.
struct Log;

impl Log {
    /// Sets it, without the lines of an earlier test.
    fn begin() {
        static SET: Once = Once::new();
        SET.call_once(|| tracing::subscriber::set_global_default(Self).expect("the only log"));
        LINES.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn is_of_the_server() -> bool {
    let thread = std::thread::current();
    thread
        .name()
        .is_some_and(|name| name.starts_with("monitor-"))
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target().starts_with("monitor")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if BROKEN.load(Ordering::SeqCst) && is_of_the_server() {
            LOST.fetch_add(1, Ordering::SeqCst);
            panic!("a log that can write nowhere");
        }
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn the_log_has_one_line_for_each_thing_worth_one() {
    let _turn = turn();
    Log::begin();
    let well = Arc::new(AtomicBool::new(false));
    let often = Check::every(Duration::from_millis(5)).timeout(PATIENCE);
    let config = local()
        .methods(["Load"])
        .readiness(["db", "Load", "default", "misspelt"])
        .drain_pause(Duration::ZERO)
        .health_group("storage", ["db", "misspelt", "other"])
        .check("db", often, Arc::clone(&well), |well| async move {
            let is_well = well.load(Ordering::SeqCst);
            is_well.then_some(()).ok_or("refused")
        });
    let server = monitor_server::run(config).expect("a server");
    let unknown = lines("is no check, runtime, task type or worker (yet)");
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(unknown[0].contains("name=misspelt") && unknown[1].contains("name=other"));

    // However often it fails, that it fails is said once.
    eventually(|| !lines("a check fails").is_empty());
    std::thread::sleep(Duration::from_millis(100));
    let failing = lines("a check fails");
    assert_eq!(failing.len(), 1, "{failing:?}");
    assert!(
        failing[0].contains("check=db output=\"refused\""),
        "{failing:?}"
    );
    let not_ready = "not ready: a check or task type";
    eventually(|| !lines(not_ready).is_empty());
    well.store(true, Ordering::SeqCst);
    eventually(|| lines("well again").len() == 1);

    eventually(|| !lines("readiness=ready").is_empty());
    let unready = lines(not_ready);
    assert_eq!(unready.len(), 1, "{unready:?}");
    assert!(unready[0].contains("check `db`: refused"), "{unready:?}");

    let load = server.method("Load").expect("a name");
    let labelled = load.with_labels(&[("kind", "a")]).expect("good labels");
    let (first, second) = (labelled.start(), load.start());
    let left = server.drain_blocking(Duration::from_millis(50));
    assert_eq!(left.expect_err("two run").left, 2);
    assert_eq!(lines("waiting for calls to end").len(), 1);
    let left = lines("calls still run after the limit");
    assert_eq!(left.len(), 1, "{left:?}");
    for named in ["left=2", "Load{kind=\"a\"} 0.", "Load 0."] {
        assert!(left[0].contains(named), "{left:?}");
    }
    assert_eq!(lines("monitor server stops").len(), 1);
    first.finish(Outcome::Success);
    second.finish(Outcome::Success);
}

#[test]
fn a_mounted_server_whose_monitor_counts_entry_calls_under_the_names_of_the_original_says_so() {
    let _turn = turn();
    Log::begin();
    let mut all_calls = StorageConfig::default();
    all_calls.totals = Totals::AllCalls;
    let [entry_calls, all_calls] = [StorageConfig::default(), all_calls].map(Monitor::new);
    let servicekit = local().profile(Profile::Servicekit);
    let mounted = [
        (&servicekit, entry_calls, 1),
        (&servicekit, all_calls, 1),
        (&local(), entry_calls, 1),
        (&servicekit, entry_calls, 2),
    ];
    for (config, monitor, expected) in mounted {
        drop(MetricServer::with_config(config, monitor));
        let warnings = lines("to `Totals::AllCalls`");
        assert_eq!(warnings.len(), expected, "{warnings:?}");
    }
    monitor_server::run(servicekit)
        .expect("a server")
        .shutdown();
    assert_eq!(lines("to `Totals::AllCalls`").len(), 2);
}

/// Not a test: the test below runs it in a process of its own, whose environment it sets.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn the_service_in_an_environment() {
    Log::begin();
    let config = MonitorConfig::from_env().expect("the environment of a pod");
    assert_eq!(config.address().to_string(), "127.0.0.1:0");
    let server = started(config);
    let warnings = lines("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let expected = "environment: `MONITOR_PORT`: the text `tcp://10.3.240.11:9999` is passed over";
    assert!(warnings[0].contains(expected), "{warnings:?}");
    assert_eq!(status(server.local_addr(), "/livez"), "200");
}

#[test]
fn a_kubernetes_service_named_monitor_costs_a_line_and_not_the_start() {
    let program = std::env::current_exe().expect("this program");
    let run = std::process::Command::new(program)
        .args(["--ignored", "--exact", "the_service_in_an_environment"])
        .env("MONITOR_LISTEN", "127.0.0.1:0")
        .env("MONITOR_SERVICE_HOST", "10.3.240.11")
        .env("MONITOR_SERVICE_PORT", "9999")
        .env("MONITOR_PORT", "tcp://10.3.240.11:9999")
        .env("MONITOR_PORT_9999_TCP", "tcp://10.3.240.11:9999")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn what_no_page_can_hold_is_left_out_counted_and_said_once() {
    let _turn = turn();
    Log::begin();
    let opts = prometheus::Opts::new("blinding", "Takes a whole page down.");
    let blinding = prometheus::Gauge::with_opts(opts.const_label("__name__", "x"));
    let registry = prometheus::Registry::new();
    for gauge in [blinding, prometheus::Gauge::new("mine", "The user's.")] {
        let gauge = gauge.expect("good options");
        registry.register(Box::new(gauge)).expect("a free name");
    }
    let server = monitor_server::run(local().registry(registry)).expect("a server");
    for scrape in 1..4 {
        let page = page(server.local_addr());
        assert!(
            page.contains("\nmine 0\n") && !page.contains("blinding"),
            "{page}"
        );
        let count = format!("monitor_scrape_errors_total{{cause=\"repeated_series\"}} {scrape}\n");
        assert!(page.contains(&count), "{page}");
    }
    server.shutdown();
    let said = lines("were left out of the metrics page");
    assert_eq!(said.len(), 1, "{said:?}");
    let why = "a series of `blinding` has the label `__name__`, which no page can hold";
    assert!(
        said[0].contains(why) && said[0].contains("series=1 families=0"),
        "{said:?}"
    );
}

#[test]
fn a_source_that_is_left_out_again_and_again_is_one_line() {
    let slow = Slow::held();
    let limits = Limits::default().gather_timeout(Duration::ZERO);
    let server = started(local().collector(slow.clone()).limits(limits));
    Log::begin();
    let hurry = "Host: localhost\r\nX-Prometheus-Scrape-Timeout-Seconds: 0.2\r\n";
    for _ in 0..3 {
        ask(server.local_addr(), "GET", "/metrics", hurry);
    }
    let told = lines("left out of the metrics page");
    slow.held.store(false, Ordering::SeqCst);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("the scrape's time"), "{told:?}");
}

#[test]
fn a_log_that_panics_ends_no_check_no_watch_and_no_server() {
    let (well, slow) = (Arc::new(AtomicBool::new(true)), Slow::held());
    let often = Check::every(Duration::from_millis(5)).timeout(PATIENCE);
    let config = local()
        .limits(Limits::default().max_connections(1))
        .collector(slow.clone())
        .check("db", often.ready(), Arc::clone(&well), |well| async move {
            let is_well = well.load(Ordering::SeqCst);
            is_well.then_some(()).ok_or("refused")
        });
    let server = started(config);
    Log::begin();
    BROKEN.store(true, Ordering::SeqCst);

    let health = server.watch_health();
    for is_well in [true, false, true] {
        well.store(is_well, Ordering::SeqCst);
        eventually(|| health.borrow().readiness.is_ready() == is_well);
    }
    eventually(|| LOST.load(Ordering::SeqCst) >= 4);
    let of_health = LOST.load(Ordering::SeqCst);

    let mut busy = connect(server.local_addr());
    send(
        &mut busy,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    eventually(|| slow.begun.load(Ordering::SeqCst));
    assert_eq!(read_all(&mut connect(server.local_addr())), "", "refused");
    slow.held.store(false, Ordering::SeqCst);
    assert_eq!(status_of(&read_all(&mut busy)), "200");
    assert_eq!(status(server.local_addr(), "/livez"), "200");
    eventually(|| LOST.load(Ordering::SeqCst) > of_health);
    BROKEN.store(false, Ordering::SeqCst);
}

#[test]
fn nothing_is_said_of_what_is_no_request_that_can_be_answered() {
    let server = started(local());
    Log::begin();
    for sent in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let mut stream = connect(server.local_addr());
        stream.write_all(sent).expect("sent");
        let answer = read_all(&mut stream);
        assert_eq!(status_of(&answer), "400", "{sent:?}");
    }
    for target in ["x", "a:80", "*"] {
        for method in ["GET", "HEAD", "CONNECT"] {
            let answer = ask(server.local_addr(), method, target, "Host: localhost\r\n");
            assert_eq!(status_of(&answer), "400", "{method} {target}");
        }
    }
    assert_eq!(lines(""), [""; 0]);
}

#[test]
fn why_calls_fail_is_one_line_a_method_and_type_and_no_call_writes_it() {
    let _turn = turn();
    Log::begin();
    let config = local().errors("FATAL", ["refused"], -1);
    let server = monitor_server::run(config).expect("a server");
    let fail = |method: &str, text: &'static str| {
        let view = monitor_core::ErrorView {
            type_name: "",
            text: monitor_core::ErrorText::Display(&text),
        };
        let call = server.method(method).expect("a name").start();
        call.finish(Outcome::Error(view));
    };
    for _ in 0..100 {
        fail("Load", "refused by db");
        fail("Save", "refused by disk");
        fail("Save", "no space");
    }
    let of = |method: &str, text: &str| {
        let lines = lines("calls fail").into_iter();
        let lines = lines.filter(|line| line.contains(method) && line.contains(text));
        lines.collect::<Vec<_>>()
    };
    eventually(|| of("method=Save", "no space").len() == 1);
    fail("Save", "no space");
    // Two more looks.
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(of("method=Load", "error_type=refused").len(), 1);
    assert_eq!(of("method=Save", "error_type=refused").len(), 1);
    assert_eq!(
        of("method=Save", "error_type=other text=\"no space\"").len(),
        1
    );
    assert_eq!(lines("calls fail").len(), 3);
    server.shutdown();
}
