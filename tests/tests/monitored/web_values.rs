//! Values that are answers of HTTP and gRPC: how calls count that return them, and that the attribute's own arguments
//! have priority.

mod grpc;
mod http;
mod served;

use monitor_core::testing;

/// How the one call counts that this makes: `success`, or its error type; `expected` behind it where no status was set.
fn outcome<R>(run: impl FnOnce() -> R) -> String {
    let (_, recorded) = testing::record(run);
    let snapshot = recorded.snapshot();
    let mut called = snapshot.methods.iter().filter(|one| one.started > 0);
    let (method, None) = (called.next().expect("a call"), called.next()) else {
        panic!("several methods were called");
    };
    assert_eq!((method.started, method.in_flight), (1, 0));
    if method.success.count() == 1 {
        return "success".to_owned();
    }
    let mut types = snapshot.error_types.iter().zip(&method.errors);
    let (name, _) = types.find(|(_, count)| **count == 1).expect("a type");
    match recorded.task(&method.name) {
        Some(_) => name.to_string(),
        None => format!("{name} expected"),
    }
}
