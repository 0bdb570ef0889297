use crate::base::logged::lines_of;
use crate::data::catalog::Profile;
use crate::errors::LateTypes;
use crate::export::encode::Format;
use crate::export::exporter::encode_snapshot;
use crate::{LabelError, Monitor, Outcome, StorageConfig, TaskStatus};

fn monitor(limit: usize) -> Monitor {
    let config = StorageConfig {
        max_series: limit,
        max_methods: limit,
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
    assert_told(Some("more methods made by name"), 3, |monitor| {
        for name in ["a", "b", "c", "d", "c", "a"] {
            let method = monitor.method(name).expect("a good name");
            method.start().finish(Outcome::Success);
        }
    });
    // A value that reads `overflow` is none past a limit.
    assert_told(None, 0, |monitor| call(monitor, "overflow"));
}

/// 5,000 made-up verbs, with a limit of methods.
fn made_up(max_methods: usize) -> Monitor {
    let monitor = Monitor::new(StorageConfig {
        max_methods,
        methods: vec!["Listed".into()],
        ..StorageConfig::default()
    });
    for verb in 0..5000 {
        let method = monitor.method(&format!("VERB{verb}")).expect("a name");
        method.start().finish(Outcome::Success);
    }
    monitor
}

#[test]
fn made_up_methods_past_the_limit_are_one_and_their_calls_are_counted() {
    let monitor = made_up(StorageConfig::default().max_methods);
    let snapshot = monitor.snapshot();
    // Of the limit, and `Listed` and `overflow`.
    assert_eq!(snapshot.methods.len(), 1000 + 2);
    let overflow = snapshot.methods.iter().find(|one| &*one.name == "overflow");
    assert_eq!(overflow.map(|one| one.started), Some(4000));
    assert_eq!(snapshot.values.overflowed_updates, 4000);
    assert_eq!(snapshot.tasks.started, 5000);

    let page = |monitor: &Monitor| {
        let mut page = Vec::new();
        let (profile, format) = (Profile::Prometheus, Format::Text004);
        encode_snapshot(&monitor.snapshot(), profile, &[], format, &mut page);
        page.len()
    };
    assert!(5 * page(&monitor) < 2 * page(&made_up(0)));
}

#[test]
fn label_sets_of_the_merged_methods_are_counted_with_them() {
    let monitor = made_up(1);
    let method = monitor.method("VERB7").expect("a name");
    let method = method.with_labels(&[("tenant", "acme")]).expect("a label");
    method.start().finish(Outcome::Success);
    assert_eq!(monitor.snapshot().values.overflowed_updates, 4999 + 1);
}

inventory::submit! { LateTypes(&["late_404", "late_503"]) }

#[test]
fn a_layers_types_are_listed_by_their_first_failure_and_are_expected_where_it_says_so() {
    let monitor = Monitor::new(StorageConfig::default());
    let method = monitor.method("GET /").expect("a good name");
    let before = monitor.snapshot().error_types;
    assert!(
        !before.iter().any(|name| name.starts_with("late")),
        "{before:?}"
    );
    method.start().finish(Outcome::Expected("late_404"));
    method.start().finish(Outcome::ErrorType("late_503"));
    let snapshot = monitor.snapshot();
    let errors = &snapshot.methods[0].errors;
    let count = |name| {
        let at = snapshot.error_types.iter().position(|one| &**one == name);
        at.map(|at| errors[at])
    };
    assert_eq!(
        ["late_404", "late_503", "other"].map(count),
        [Some(1), Some(1), Some(0)]
    );
    assert_eq!(snapshot.expected, [("GET /".into(), "late_404".into())]);
    let statuses = monitor.method_statuses();
    assert_eq!(statuses[0].status, TaskStatus::OtherException);
    assert_eq!(statuses[0].run, 1, "the expected failure set none");
}
