//! The families together: names, formats, repeats in registries.

use std::time::{Duration, Instant};

use monitor_core::exposition::{Format, encode};
use monitor_core::family::Child;
use tokio::runtime::{Builder, Runtime};

use super::*;

fn runtime(workers: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(workers).build();
    runtime.expect("a runtime")
}

const PARKED: &str = "tokio_worker_parked";
const PARKS: &str = "tokio_worker_parks_total";
const BUSY: &str = "tokio_worker_busy_seconds_total";

fn page(families: &[Family], format: Format) -> String {
    let mut page = Vec::new();
    encode(families, format, &mut page);
    String::from_utf8(page).expect("text")
}

fn value(families: &[Family], name: &str, labels: &[&str]) -> f64 {
    let family = families.iter().find(|family| family.name == name);
    let child = family.into_iter().flat_map(|family| &family.children);
    let mut child = child.filter(|child| {
        let values: Vec<_> = child.labels.iter().map(|label| &*label.value).collect();
        values == labels
    });
    match child.next().map(|child| &child.value) {
        Some(Float(value)) => *value,
        #[expect(clippy::cast_precision_loss, reason = "small")]
        Some(Int(value)) => *value as f64,
        other => panic!("{name}{labels:?}: {other:?}"),
    }
}

fn unlabelled() -> Child {
    child([], Int(7))
}

fn of_registry(name: &'static str, children: Vec<Child>) -> Family {
    family(name, "Of a registry.", children)
}

#[test]
fn each_family_is_in_both_formats() {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let mut process = Process {
        service: Some(Service::new("text", "1.0")),
        ..Process::default()
    };
    let probe = process.add_runtime("main".into(), runtime.handle());
    // As `run` does.
    probe.note(Duration::from_secs(1));
    let families = process.families();
    let (text, open) = (
        page(&families, Format::Text004),
        page(&families, Format::OpenMetrics100),
    );
    let is_there =
        |family: &&Family| OF_THIS_PROCESS.is_some() || !family.name.starts_with("process_");
    let expected = process_families();
    let expected: Vec<_> = expected.iter().filter(is_there).collect();
    assert_eq!(families.len(), expected.len());
    for family in expected {
        let bare = family.name.strip_suffix("_total");
        let kind = bare.map_or("gauge", |_| "counter");
        let (name, bare) = (&*family.name, bare.unwrap_or(&family.name));
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{text}");
        assert!(open.contains(&format!("# TYPE {bare} {kind}\n")), "{open}");
        if let Some(unit) = family.unit {
            assert!(open.contains(&format!("# UNIT {bare} {unit}\n")), "{open}");
        }
        for page in [&text, &open] {
            let sample = |line: &str| {
                let rest = line.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with([' ', '{']))
            };
            assert!(page.lines().any(sample), "{name}: {page}");
        }
    }
    let units = |unit| families.iter().filter(|family| family.unit == unit).count();
    if OF_THIS_PROCESS.is_some() && cfg!(feature = "process") {
        assert_eq!((units(Some("seconds")), units(Some("bytes"))), (3, 2));
    }
    let build = "\nmonitor_build_info{name=\"text\",version=\"1.0\"} 1\n";
    assert!(text.contains(build) && open.contains(build), "{text}");
}

#[test]
fn nothing_is_said_of_what_was_not_given_or_not_wanted() {
    let process = Process {
        metrics: false,
        ..Process::default()
    };
    assert_eq!(process.families(), []);
    let names = Process::default().families();
    let is_own = |family: &Family| family.name.starts_with("process_");
    assert!(names.iter().all(is_own));
}

#[test]
fn the_service_is_the_calling_crate() {
    assert_eq!(
        crate::service!(),
        Service::new("monitor-server", env!("CARGO_PKG_VERSION"))
    );
    let labels = Service::new("n", "v").revision("r").labels();
    let labels = labels.iter().map(|label| (&*label.name, &*label.value));
    let expected = [("name", "n"), ("revision", "r"), ("version", "v")];
    assert!(labels.eq(expected));
}

#[test]
fn runtimes_stand_side_by_side_and_a_name_once() {
    let one = Builder::new_current_thread().build().expect("a runtime");
    let many = runtime(3);
    let mut process = Process::default();
    process.add_runtime("a".into(), one.handle());
    process.add_runtime("b".into(), one.handle());
    process.add_runtime("a".into(), many.handle());
    assert_eq!(process.runtime_names().collect::<Vec<_>>(), ["b", "a"]);

    let stop = Arc::new(tokio::sync::Notify::new());
    for _ in 0..5 {
        let stop = Arc::clone(&stop);
        many.spawn(async move { stop.notified().await });
    }
    let families = process.families();
    for (name, labels, expected) in [
        ("tokio_workers", &["a"], 3.0),
        ("tokio_workers", &["b"], 1.0),
        ("tokio_alive_tasks", &["a"], 5.0),
        ("tokio_alive_tasks", &["b"], 0.0),
        ("tokio_global_queue_depth", &["b"], 0.0),
    ] {
        assert!(
            (value(&families, name, labels) - expected).abs() < 0.5,
            "{name} {labels:?}"
        );
    }
    let of_workers = families.iter().find(|family| family.name == PARKED);
    assert_eq!(of_workers.map(|family| family.children.len()), Some(4));
    // A task on the current-thread runtime waits in its queue until the runtime is run.
    one.spawn(async {});
    let families = process.families();
    assert!((value(&families, "tokio_alive_tasks", &["b"]) - 1.0).abs() < 0.5);
}

#[test]
fn a_worker_s_time_and_sleep_are_seen() {
    let runtime = runtime(1);
    let mut process = Process::default();
    process.add_runtime("w".into(), runtime.handle());
    let worker = |name: &str| value(&process.families(), name, &["w", "0"]);
    let eventually = |what: &str, check: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !check() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    eventually("it sleeps", &|| worker(PARKED) > 0.5);
    let (parks, busy) = (worker(PARKS), worker(BUSY));
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let task = runtime.spawn(async move { told.recv().is_ok() });
    eventually("it is awake", &|| worker(PARKED) < 0.5);
    std::thread::sleep(Duration::from_millis(50));
    assert!(
        worker(PARKED) < 0.5 && worker(BUSY) < busy + 0.05,
        "stuck in one poll"
    );
    go_on.send(()).expect("the task waits");
    assert!(runtime.block_on(task).expect("no panic"));
    eventually("it sleeps again", &|| {
        worker(PARKS) > parks && worker(PARKED) > 0.5
    });
    assert!(worker(BUSY) >= busy + 0.05, "{busy} {}", worker(BUSY));

    let last = worker(PARKS);
    drop(runtime);
    assert!(
        worker(PARKS) >= last,
        "a runtime that shut down keeps its values"
    );
}

#[test]
fn a_registry_s_own_process_collector_gives_way_without_a_count() {
    let of_another = |name: &'static str| {
        let other = child([label("child", "1")], Int(8));
        of_registry(name, vec![unlabelled(), other])
    };
    let ours = vec![of_registry("process_threads", vec![unlabelled()])];
    let mut theirs = vec![
        of_another("process_threads"),
        of_another("process_start_time_seconds"),
        of_another("process_open_fds"),
        of_another("monitor_build_info"),
        of_another("mine"),
        of_registry("process_start_time_seconds", vec![unlabelled()]),
    ];
    leave_out_repeats(&ours, &mut theirs);
    let left: Vec<_> = theirs.iter().map(|family| family.children.len()).collect();
    assert_eq!(left, [1, 1, 2, 2, 2], "{theirs:?}");
}

#[test]
fn names_are_taken_with_and_without_total() {
    for name in [
        "process_threads",
        "process_cpu_seconds",
        "tokio_worker_parks_total",
    ] {
        assert!(is_family(name), "{name}");
    }
    for name in ["process_thread", "tokio_tasks", "process_threads_total"] {
        assert!(!is_family(name), "{name}");
    }
}
