//! What had no place of its own: counted as it happens, and told once a family when the next snapshot is taken, as a call
//! writes no log line.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::data::snapshot::MethodSnapshot;
use crate::recording::method::MethodCore;
use crate::recording::store::StorageCore;

/// What went past a limit, beside the values by key and the typed metrics, which count their own.
#[derive(Debug)]
pub(crate) struct Overflows {
    /// Statuses set for task types that are one.
    tasks: AtomicU64,
    told: Mutex<BTreeSet<(What, Arc<str>)>>,
}

/// What a line in the log is about, beside the name of its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    LabelSets,
    Values,
    Tasks,
}

impl Overflows {
    pub(crate) fn new() -> Self {
        Self {
            tasks: AtomicU64::new(0),
            told: Mutex::default(),
        }
    }

    /// Counts a status of a task type there was no room for.
    pub(crate) fn note_task(&self) {
        self.tasks.fetch_add(1, Ordering::Relaxed);
    }

    fn is_new(&self, what: What, name: &Arc<str>) -> bool {
        lock(&self.told).insert((what, Arc::clone(name)))
    }
}

impl StorageCore {
    /// Calls, observations of calls and statuses that have no series of their own. `counted` is parallel to `methods`.
    pub(crate) fn overflowed(
        &self,
        methods: &[&'static MethodCore],
        counted: &[MethodSnapshot],
    ) -> u64 {
        let mut updates = self.overflowed_tasks();
        for (method, counted) in methods.iter().zip(counted) {
            if method.origin.is_overflow() && counted.started > 0 {
                updates += counted.started;
                self.tell_of_label_sets(&method.name);
            }
            let dropped = method.dropped_values.load(Ordering::Relaxed);
            if dropped > 0 {
                updates += dropped;
                self.tell_of_values(&method.name);
            }
        }
        updates
    }

    fn tell_of_label_sets(&self, method: &Arc<str>) {
        if self.overflows.is_new(What::LabelSets, method) {
            tracing::warn!(
                method = %method,
                "more label sets of calls than max_series, or more values than a label takes: further ones are counted under `overflow`"
            );
        }
    }

    fn tell_of_values(&self, method: &Arc<str>) {
        if self.overflows.is_new(What::Values, method) {
            tracing::warn!(
                method = %method,
                "calls observe more names than max_series, or one call more values than are kept: further ones go to overflow=\"true\" or are dropped"
            );
        }
    }

    fn overflowed_tasks(&self) -> u64 {
        let statuses = self.overflows.tasks.load(Ordering::Relaxed);
        if statuses > 0 && self.overflows.is_new(What::Tasks, &Arc::from("")) {
            tracing::warn!(
                "statuses of more task types than max_series: further ones are one task type, `overflow`"
            );
        }
        statuses
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use crate::base::logged::lines_of;
    use crate::{LabelError, Monitor, Outcome, StorageConfig, TaskStatus};

    fn monitor(max_series: usize) -> Monitor {
        let config = StorageConfig {
            max_series,
            ..StorageConfig::default()
        };
        Monitor::new(config)
    }

    fn tenant(monitor: Monitor, tenant: &str) -> Result<(), LabelError> {
        let method = monitor.method("Overflows").expect("a good name");
        let call = method.with_labels(&[("tenant", tenant)])?.start();
        call.finish(Outcome::Success);
        Ok(())
    }

    /// What recording logs, what two snapshots log, and what is counted.
    fn told(
        record: impl FnOnce(Monitor) -> Result<(), LabelError>,
    ) -> (Vec<String>, Vec<String>, u64) {
        let monitor = monitor(2);
        let (recorded, beside) = lines_of(|| record(monitor));
        assert_eq!(recorded, Ok(()));
        let (snapshot, after) = lines_of(|| {
            monitor.snapshot();
            monitor.snapshot()
        });
        (beside, after, snapshot.values.overflowed_updates)
    }

    fn assert_told_once(
        (beside, after, updates): (Vec<String>, Vec<String>, u64),
        words: &str,
        expected: u64,
    ) {
        assert_eq!(beside, [""; 0], "recording logs nothing");
        assert_eq!(after.len(), 1, "{after:?}");
        assert!(after[0].contains(words), "{after:?}");
        assert_eq!(updates, expected);
    }

    #[test]
    fn label_sets_of_calls_past_the_limit_are_told_of_once() {
        let told = told(|monitor| {
            ["a", "b", "c", "d", "c", "a"]
                .iter()
                .try_for_each(|name| tenant(monitor, name))
        });
        assert_told_once(told, "more label sets of calls", 3);
    }

    #[test]
    fn names_of_observations_past_the_limit_are_told_of_once() {
        let told = told(|monitor| {
            let method = monitor.method("Overflows").expect("a good name");
            let mut call = method.start();
            for name in ["a", "b", "c", "d"] {
                call.observe(name, 1.0);
            }
            call.finish(Outcome::Success);
            Ok(())
        });
        assert_told_once(told, "calls observe more names", 2);
    }

    #[test]
    fn task_types_past_the_limit_are_counted_and_told_of_once() {
        let told = told(|monitor| {
            for task in ["a", "b", "c", "d", "a"] {
                monitor.set_task_status(TaskStatus::Ok, task);
            }
            Ok(())
        });
        assert_told_once(told, "statuses of more task types", 2);
    }

    #[test]
    fn a_value_that_reads_overflow_is_none() {
        let (beside, after, updates) = told(|monitor| tenant(monitor, "overflow"));
        assert_eq!((beside.len() + after.len(), updates), (0, 0));
    }
}
