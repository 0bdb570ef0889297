//! Snapshots beside the running calls, each compared with itself and with the one before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use monitor_core::Monitor;
use monitor_core::snapshot::{MethodSnapshot, Snapshot};

use crate::truth;

/// Calls, failures by caller: of one method and label set.
type Callers = BTreeMap<Option<Arc<str>>, (u64, u64)>;

/// A thread that takes snapshots of the global monitor until it is stopped.
pub(crate) struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeMap::new();
            let mut snapshots = 0;
            while !over.load(Relaxed) {
                look(&mut seen);
                snapshots += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            snapshots
        });
        Self { is_over, thread }
    }

    /// Fails if one of the snapshots was wrong, or there was none.
    pub(crate) fn stop(self) {
        self.is_over.store(true, Relaxed);
        let snapshots = self.thread.join().expect("each snapshot is right");
        assert!(snapshots > 0);
    }
}

/// Takes one snapshot. `seen` has the callers as they were, by method and labels.
fn look(seen: &mut BTreeMap<String, Callers>) {
    let snapshot = Monitor::global().snapshot();
    // After it: a call is expected before it begins.
    let made = truth::expected();
    for ((caller, method), (calls, _)) in truth::recorded(&snapshot, &truth::NAMES) {
        let expected = made.get(&(caller.clone(), method.clone()));
        let expected = expected.map_or(0, |counts| counts.0);
        assert!(
            calls <= expected,
            "{caller} > {method}: {calls}, expected {expected}"
        );
    }
    let entries = |method: &MethodSnapshot| callers(method).get(&None).map_or(0, |one| one.0);
    let entries: u64 = snapshot.methods.iter().map(entries).sum();
    assert_eq!(snapshot.tasks.started, entries, "entry calls in the totals");
    for method in &snapshot.methods {
        let key = format!("{} {:?}", method.name, method.labels);
        let now = callers(method);
        let before = seen.insert(key, now.clone()).unwrap_or_default();
        for (caller, (calls, failures)) in before {
            let counts = now.get(&caller).copied().unwrap_or_default();
            assert!(
                counts.0 >= calls && counts.1 >= failures,
                "{} by {caller:?} fell from {calls} calls, {failures} failures to {counts:?}",
                method.name,
            );
        }
    }
}

/// The callers of a method, which add up to its calls. Failures of calls that are ending may be missing.
fn callers(method: &MethodSnapshot) -> Callers {
    let each = method.callers.iter();
    let callers: Callers = each
        .map(|one| (one.caller.clone(), (one.calls, one.failures)))
        .collect();
    assert_eq!(
        callers.len(),
        method.callers.len(),
        "one entry a caller of {}: {:?}",
        method.name,
        method.callers
    );
    let calls: u64 = callers.values().map(|counts| counts.0).sum();
    assert_eq!(calls, method.started, "calls of {}", method.name);
    let completed = method.success.count() + method.failure.count();
    assert!(
        completed <= method.started,
        "ended calls of {}",
        method.name
    );
    assert!(
        failures(method) <= method.failure.count(),
        "failures of {}",
        method.name
    );
    callers
}

fn failures(method: &MethodSnapshot) -> u64 {
    method.callers.iter().map(|caller| caller.failures).sum()
}

/// Asserts that the failures by caller add up to all, while no call of these methods runs.
pub(crate) fn assert_all_failures_have_callers(snapshot: &Snapshot, names: &[&str]) {
    let is_named = |method: &&MethodSnapshot| names.contains(&&*method.name);
    for method in snapshot.methods.iter().filter(is_named) {
        assert_eq!(
            failures(method),
            method.failure.count(),
            "failures of {}",
            method.name
        );
    }
}
