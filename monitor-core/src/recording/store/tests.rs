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
fn told(record: impl FnOnce(Monitor) -> Result<(), LabelError>) -> (Vec<String>, Vec<String>, u64) {
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
