//! What the log is told of health: marks that name nothing, checks that change, tasks that a drain leaves. One process, one log.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use monitor_core::Outcome;
use monitor_server::{Check, MonitorConfig};
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

/// Keeps what is worth an operator's look.
struct Log;

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

fn eventually(what: &str, happened: impl Fn() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

#[test]
fn the_log_has_one_line_for_each_thing_worth_one() {
    tracing::subscriber::set_global_default(Log).expect("the only log");
    let well = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&well);
    let often = Check::every(Duration::from_millis(5)).timeout(PATIENCE);
    let config = MonitorConfig::default()
        .listen([127, 0, 0, 1])
        .port(0)
        .methods(["Load"])
        .readiness(["db", "Load", "default", "misspelt"])
        .health_group("storage", ["db", "misspelt", "other"])
        .check("db", often, move || {
            let well = asked.load(Ordering::SeqCst);
            async move { if well { Ok(()) } else { Err("refused") } }
        });
    let server = monitor_server::run(config).expect("a server");
    let unknown = lines("is no check and no task type");
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(unknown[0].contains("name=misspelt") && unknown[1].contains("name=other"));

    // However often it fails, that it fails is said once.
    eventually("it fails", || !lines("a check fails").is_empty());
    std::thread::sleep(Duration::from_millis(100));
    let failing = lines("a check fails");
    assert_eq!(failing.len(), 1, "{failing:?}");
    assert!(
        failing[0].contains("check=db output=\"refused\""),
        "{failing:?}"
    );
    let not_ready = "not ready: what counts for readiness";
    eventually("it is not ready", || !lines(not_ready).is_empty());
    well.store(true, Ordering::SeqCst);
    eventually("it is well", || lines("well again").len() == 1);

    eventually("it is ready", || !lines("readiness=ready").is_empty());
    let unready = lines(not_ready);
    assert_eq!(unready.len(), 1, "{unready:?}");
    assert!(unready[0].contains("check `db`: refused"), "{unready:?}");

    let load = server.method("Load").expect("a name");
    let labelled = load.with_labels(&[("kind", "a")]).expect("good labels");
    let (first, second) = (labelled.start(), load.start());
    let left = server.drain_blocking(Duration::from_millis(50));
    assert_eq!(left.expect_err("two run").left, 2);
    assert_eq!(lines("waiting for tasks to end").len(), 1);
    let left = lines("tasks still run after the limit");
    assert_eq!(left.len(), 1, "{left:?}");
    for named in ["left=2", "Load{kind=\"a\"} 0.", "Load 0."] {
        assert!(left[0].contains(named), "{left:?}");
    }
    first.finish(Outcome::Success);
    second.finish(Outcome::Success);
}
