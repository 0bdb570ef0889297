//! Error types of protocols in a snapshot, and the types that a snapshot has as expected.

use crate::data::snapshot::StatusSnapshot;
use crate::{ErrorRules, Monitor, Outcome, StatusRule, StorageConfig, TaskStatus};

/// The error types that calls of a method failed with, each with the number of calls.
fn errors_of(monitor: Monitor, name: &str) -> Vec<(String, u64)> {
    let snapshot = monitor.snapshot();
    let method = snapshot.methods.iter().find(|one| &*one.name == name);
    let counts = &method.expect("the method").errors;
    let counted = snapshot.error_types.iter().zip(counts);
    let counted = counted.filter(|(_, count)| **count > 0);
    counted
        .map(|(name, count)| (name.to_string(), *count))
        .collect()
}

/// The status of a method.
fn status_of(monitor: Monitor, name: &str) -> StatusSnapshot {
    let statuses = monitor.snapshot().method_statuses;
    let mut of_method = statuses.into_iter().filter(|status| &*status.task == name);
    of_method.next().expect("a status")
}

/// Expected types, each behind its method.
fn expected_types(monitor: Monitor) -> Vec<String> {
    let expected = monitor.snapshot().expected;
    let lines = expected.iter();
    lines
        .map(|(method, name)| format!("{method} {name}"))
        .collect()
}

#[test]
fn a_type_of_a_protocol_exists_from_its_first_failure_on() {
    let monitor = Monitor::new(StorageConfig::default());
    let get = monitor.method("GET /x").expect("a name");
    get.start().finish(Outcome::of_http_status(200));
    let types = monitor.snapshot().error_types;
    assert!(!types.iter().any(|name| name.starts_with("http_")));

    for status in [503, 404, 404] {
        get.start().finish(Outcome::of_http_status(status));
    }
    get.start().finish(Outcome::of_grpc_code(14));
    get.start().finish(Outcome::of_grpc_code(1));
    get.start().finish(Outcome::Expected("http_4040"));
    let named = |name: &str, count| (name.to_owned(), count);
    let found = [
        named("other", 1),
        named("http_503", 1),
        named("http_404", 2),
        named("grpc_unavailable", 1),
        named("grpc_cancelled", 1),
    ];
    assert_eq!(errors_of(monitor, "GET /x"), found);
    assert_eq!(status_of(monitor, "GET /x").run, 3, "of failures alone");
}

#[test]
fn a_rule_that_lists_a_type_of_a_protocol_gives_it_its_status() {
    let mut config = StorageConfig::default();
    let get = |monitor: Monitor| {
        let method = monitor.method("GET /x").expect("a name");
        method.start().finish(Outcome::of_http_status(503));
        status_of(monitor, "GET /x").status
    };
    let monitor = Monitor::new(config.clone());
    assert_eq!(get(monitor), TaskStatus::OtherException);
    config.errors = ErrorRules::try_new([StatusRule {
        status: "CONNECTION_ERROR".to_owned(),
        service_errors: vec!["http_503".to_owned()],
        unhealthy: -1,
    }])
    .expect("rules");
    monitor.configure(config);
    assert_eq!(get(monitor), TaskStatus::ConnectionError);
    assert_eq!(errors_of(monitor, "GET /x"), [("http_503".to_owned(), 2)]);
}

#[test]
fn a_type_is_expected_where_none_of_its_failures_sets_a_status() {
    let monitor = Monitor::new(StorageConfig::default());
    let method = |name| monitor.method(name).expect("a name");
    let (get, put) = (method("Get"), method("Put"));
    get.start().finish(Outcome::Expected("http_404"));
    get.start().finish(Outcome::Cancelled);
    put.start().finish(Outcome::ErrorType("http_404"));
    assert_eq!(expected_types(monitor), ["Get http_404"]);

    // In the same cells.
    put.start().finish(Outcome::Expected("http_409"));
    assert_eq!(expected_types(monitor), ["Get http_404", "Put http_409"]);
    put.start().finish(Outcome::ErrorType("http_409"));
    assert_eq!(expected_types(monitor), ["Get http_404"]);

    // On another thread and with another label: all of the method counts.
    std::thread::scope(|scope| {
        scope.spawn(|| put.start().finish(Outcome::Expected("http_404")));
    });
    let labelled = get.with_labels(&[("tier", "free")]).expect("a label");
    labelled.start().finish(Outcome::Expected("http_410"));
    assert_eq!(expected_types(monitor), ["Get http_404", "Get http_410"]);
    labelled.start().finish(Outcome::ErrorType("http_404"));
    get.start().finish(Outcome::ErrorType("http_410"));
    assert!(expected_types(monitor).is_empty());
}
