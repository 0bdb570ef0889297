//! The verdict and the cost of the history as metric families, the same in both naming profiles.

use std::sync::atomic::{AtomicBool, Ordering};

use monitor_core::Monitor;
use monitor_core::family::{Child, ChildValue, Family, Labels};
use monitor_core::history::EventKind;
use monitor_core::snapshot::Snapshot;
use monitor_core::verdict::State;

use crate::self_metrics::{child, family, label, rows};

/// The families with these children, in the order of a page.
fn with_children(children: [Vec<Child>; 5]) -> Vec<Family> {
    let [states, since, bytes, thinned, looks] = children;
    let rows = rows! {
        "monitor_verdict" => states,
            "1 for the state in the verdict's headline, 0 for the others.";
        "monitor_verdict_since_timestamp_seconds" => since,
            "Since when the verdict's headline holds, in seconds since 1970.";
        "monitor_history_bytes" => bytes,
            "Memory that the history of calls and what the rules have learned take.";
        "monitor_history_thinned_methods" => thinned,
            "Methods of which the newest slot keeps totals alone, because the history is full.";
        "monitor_history_look_seconds_total" => looks,
            "Time spent on looking at the calls, keeping and judging them.";
    };
    rows.map(|(name, help, children)| family(name, help, children))
        .into()
}

/// All of them without children.
pub(super) fn names() -> Vec<Family> {
    with_children(Default::default())
}

/// Whether the history was told that a limit of series was reached.
#[derive(Debug, Default)]
pub(super) struct OverflowTold(AtomicBool);

impl OverflowTold {
    /// Keeps an event for the first page on which updates went to the series `overflow`: each page has that number, and
    /// it is read for no other purpose.
    pub(super) fn look(&self, monitor: Monitor, snapshot: &Snapshot) {
        // Relaxed: it publishes nothing.
        if snapshot.values.overflowed_updates > 0 && !self.0.swap(true, Ordering::Relaxed) {
            let text =
                "A limit of series was reached: updates of further ones are counted as `overflow`.";
            monitor.event(EventKind::Overflow, "", text);
        }
    }
}

/// Those of a monitor; none have children while no history is kept.
pub(super) fn families(monitor: Monitor) -> Vec<Family> {
    let Some(verdict) = monitor.verdict() else {
        return Vec::new();
    };
    let state = |state: State| {
        child(
            [label("state", state.name())],
            ChildValue::Int((state == verdict.state).into()),
        )
    };
    let alone = |value| vec![child(Labels::from([]), value)];
    let cost = monitor.with_watch(|watch| {
        let [newest, ..] = watch.thinned();
        let thinned = newest.totals + newest.added_up;
        let looks = watch.look_time().as_secs_f64();
        (watch.bytes() as u64, thinned as u64, looks)
    });
    let (bytes, thinned, looks) = cost.unwrap_or_default();
    with_children([
        State::ALL.map(state).into(),
        alone(ChildValue::Float(verdict.since)),
        alone(ChildValue::Int(bytes)),
        alone(ChildValue::Int(thinned)),
        alone(ChildValue::Float(looks)),
    ])
}
