//! What call sites say of their methods, written as expansions write it.

use monitor_core::__private as rt;
use monitor_core::names::Profile;
use monitor_core::snapshot::{MethodSnapshot, Snapshot};
use monitor_core::{
    ErrorRules, Monitor, Outcome, StartUpWarning, StatusRule, StorageConfig, TaskStatus, monitored,
};

/// A site as an expansion makes it: `site!(NAME = "method", setting: value)`.
macro_rules! site {
    ($site:ident = $method:literal $(, $setting:ident: $value:expr)*) => {
        static $site: rt::CallSite = rt::CallSite::new(
            $method,
            rt::file!(),
            rt::line!(),
            rt::SiteSettings { $($setting: $value,)* ..rt::SiteSettings::NONE },
        );
        rt::inventory::submit! { rt::SiteEntry(&$site) }
    };
}

/// A storage of its own that knows all methods of this program.
fn monitor(change: impl FnOnce(&mut StorageConfig)) -> Monitor {
    let mut config = StorageConfig::default();
    config.preregister = true;
    change(&mut config);
    Monitor::new(config)
}

fn written(method: &MethodSnapshot) -> String {
    let labels = method.labels.iter();
    let labels = labels.map(|label| format!(" {}={}", label.name, label.value));
    let counts = format!(
        ": {} {} {}",
        method.started,
        method.success.count(),
        method.failure.count()
    );
    labels.chain([counts]).collect()
}

/// Each label set of a method with its calls: begun, succeeded, failed.
fn of(snapshot: &Snapshot, method: &str) -> Vec<String> {
    let methods = snapshot.methods.iter();
    methods
        .filter(|one| &*one.name == method)
        .map(written)
        .collect()
}

fn status(snapshot: &Snapshot, task: &str) -> Option<(TaskStatus, u64)> {
    let all = snapshot.statuses.iter().chain(&snapshot.method_statuses);
    let mut found = all.filter(|one| &*one.task == task);
    let status = found.next().map(|one| (one.status, one.run));
    assert!(found.next().is_none(), "{task} has one status");
    status
}

fn call(start: impl rt::Start, outcome: Outcome<'_>) {
    start.start().finish(outcome);
}

site!(
    OPEN = "open",
    labels: &[rt::LabelKey::capped("a", 10), rt::LabelKey::capped("b", 10)]
);

#[test]
fn label_sets_made_at_run_time_are_limited_and_totals_stay_right() {
    for _ in 0..2 {
        // The second storage finds names that the first one made.
        let monitor = monitor(|config| config.max_series = 3);
        monitor.scope_sync(|| {
            for (a, b) in [
                ("1", "1"),
                ("1", "2"),
                ("2", "1"),
                ("2", "2"),
                ("1", "1"),
                ("3", "3"),
            ] {
                let (a, b) = (rt::text(a), rt::text(b));
                let labels = [(&a).into(), (&b).into()];
                call(rt::CallArgs::new(&OPEN).labels(labels), Outcome::Success);
            }
        });
        let expected = [
            " a=1 b=1: 2 2 0",
            " a=1 b=2: 1 1 0",
            " a=2 b=1: 1 1 0",
            " overflow=true: 2 2 0",
        ];
        let snapshot = monitor.snapshot();
        assert_eq!(of(&snapshot, "open"), expected);
        assert_eq!(snapshot.tasks.completed, 6);
    }
}

#[test]
fn labels_through_the_api_are_limited_too() {
    let monitor = monitor(|config| config.max_series = 1);
    let method = monitor.method("by hand").expect("a good name");
    for tenant in ["a", "b", "a", "c"] {
        let labelled = method
            .with_labels(&[("tenant", tenant)])
            .expect("good labels");
        labelled.start().finish(Outcome::Success);
    }
    let expected = [": 0 0 0", " overflow=true: 2 2 0", " tenant=a: 2 2 0"];
    assert_eq!(of(&monitor.snapshot(), "by hand"), expected);
    let refused = |labels: &[(&str, &str)]| {
        method
            .with_labels(labels)
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(
        refused(&[("a-b", "")]).as_deref(),
        Some("\"a-b\" is not a label name: it has to match [a-zA-Z_][a-zA-Z0-9_]*")
    );
    assert_eq!(
        refused(&[("le", "")]).as_deref(),
        Some("the label \"le\" is reserved")
    );
    // It would be `__name__` where a page escapes names with dots.
    assert_eq!(
        refused(&[("_name_", "")]).as_deref(),
        Some("the label \"_name_\" is reserved")
    );
    assert_eq!(
        refused(&[("a", ""), ("a", "")]).as_deref(),
        Some("the label \"a\" is given twice")
    );
    let labelled = method.with_labels(&[("tenant", "a")]).expect("labels");
    assert!(labelled.with_labels(&[("tenant", "b")]).is_err());
}

site!(DEFAULT_TASK = "feeds default by name", task: Some("default"));

#[test]
fn a_method_that_names_default_feeds_it_once() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| call(&DEFAULT_TASK, Outcome::Panic));
    let snapshot = monitor.snapshot();
    assert_eq!(
        status(&snapshot, "default"),
        Some((TaskStatus::Internal, 1))
    );
    assert_eq!(status(&snapshot, "feeds default by name"), None);
}

site!(
    RUNS = "runs over label sets",
    labels: &[rt::LabelKey::capped("shard", 9)]
);

#[test]
fn a_run_of_failures_goes_on_over_label_sets() {
    let monitor = monitor(|_| ());
    monitor.scope_sync(|| {
        for shard in ["1", "2", "3"] {
            call(
                rt::CallArgs::new(&RUNS).labels([(&rt::text(shard)).into()]),
                Outcome::Panic,
            );
        }
    });
    let run = status(&monitor.snapshot(), "runs over label sets");
    assert_eq!(run, Some((TaskStatus::Internal, 3)));
}

site!(
    EXPECTED = "expects",
    expected: &["not found", "no such type"]
);

#[test]
fn an_expected_error_type_that_nothing_else_names_is_warned_of() {
    let monitor = monitor(|config| {
        let word = "not found".to_owned();
        let rule = StatusRule {
            status: "CONNECTION_ERROR".to_owned(),
            service_errors: vec![word],
            unhealthy: -1,
        };
        config.errors = ErrorRules::try_new([rule]).expect("a good rule");
    });
    let warnings = monitor.start_up_warnings(Profile::default());
    let of_site = |one: &StartUpWarning| matches!(one, StartUpWarning::UnknownErrorType { .. });
    let warnings: Vec<String> = warnings
        .iter()
        .filter(|one| of_site(one))
        .map(ToString::to_string)
        .collect();
    let unknown = "the method `expects` expects the error type `no such type`, which the configuration does not list and no derive or `error_type` names: no error has it, unless a `MonitorError` written by hand does";
    assert_eq!(warnings, [unknown]);
    let expected = monitor.snapshot().expected;
    let expected: Vec<_> = expected
        .iter()
        .map(|(method, name)| (&**method, &**name))
        .collect();
    assert_eq!(
        expected,
        [("expects", "no such type"), ("expects", "not found")],
        "an implementation of `MonitorError` by hand may name it"
    );
}

#[monitored(method = "OfASite")]
fn of_a_site() {}

#[test]
fn names_of_sites_and_of_the_configuration_are_never_refused() {
    let mut config = StorageConfig::default();
    config.max_methods = 1;
    config.methods = vec!["Listed".into()];
    let monitor = Monitor::new(config);
    for name in ["VERB", "REVB", "OfASite", "Listed", "VERB", "EVRB"] {
        let method = monitor.method(name).expect("a name");
        method.start().finish(Outcome::Success);
    }
    monitor.scope_sync(of_a_site);
    let snapshot = monitor.snapshot();
    let methods = snapshot.methods.iter();
    let counts: Vec<_> = methods.map(|one| (&*one.name, one.started)).collect();
    let expected = [("Listed", 1), ("OfASite", 2), ("VERB", 2), ("overflow", 2)];
    assert_eq!(counts, expected);
    assert_eq!(snapshot.values.overflowed_updates, 2);
}
