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

/// What recording leaves: two snapshots log one line with these words, or none, and so many updates are counted.
fn assert_told(words: Option<&str>, updates: u64, record: impl FnOnce(Monitor)) {
    let monitor = monitor(2);
    let ((), beside) = lines_of(|| record(monitor));
    assert_eq!(beside, [""; 0], "recording logs nothing");
    let (snapshot, after) = lines_of(|| {
        monitor.snapshot();
        monitor.snapshot()
    });
    assert_eq!(after.len(), words.iter().len(), "{after:?}");
    let mut pairs = after.iter().zip(words);
    assert!(pairs.all(|(line, words)| line.contains(words)), "{after:?}");
    assert_eq!(snapshot.values.overflowed_updates, updates);
}

#[test]
fn updates_past_each_limit_are_counted_and_told_of_once() {
    let call = |monitor, name| tenant(monitor, name).expect("a good label");
    assert_told(Some("more label sets of calls"), 3, |monitor| {
        for name in ["a", "b", "c", "d", "c", "a"] {
            call(monitor, name);
        }
    });
    assert_told(Some("calls observe more names"), 2, |monitor| {
        let method = monitor.method("Overflows").expect("a good name");
        let mut call = method.start();
        for name in ["a", "b", "c", "d"] {
            call.observe(name, 1.0);
        }
        call.finish(Outcome::Success);
    });
    assert_told(Some("statuses of more task types"), 2, |monitor| {
        for task in ["a", "b", "c", "d", "a"] {
            monitor.set_task_status(TaskStatus::Ok, task);
        }
    });
    // A value that reads `overflow` is none past a limit.
    assert_told(None, 0, |monitor| call(monitor, "overflow"));
}
