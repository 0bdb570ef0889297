//! The driver for monitored shapes: each runs in a storage of its own, and its records are read after that.

pub use monitor_core::*;
pub use shapes_driver::*;

use monitor_core::snapshot::{MethodSnapshot, Snapshot};

/// Notes a value under a call's handle.
#[macro_export]
macro_rules! observe {
    ($call:ident, $value:expr) => {
        $call.observe("tokens", $value)
    };
}

/// Runs shapes.
pub fn main(shapes: &[Shape]) {
    run_each(shapes, |run| {
        let mut config = monitor_core::StorageConfig::default();
        config.preregister = true;
        config.errors = errors();
        let monitor = monitor_core::Monitor::new(config);
        let said = monitor.scope_sync(run);
        (said, records(&monitor.snapshot()))
    });
}

/// The configured types of errors, for shapes that name theirs.
fn errors() -> monitor_core::ErrorRules {
    let words = ["KIND_EMPTY", "KIND_THROTTLED", "KIND_REJECTED", "KIND_CONNECTION", "KIND_DATABASE", "KIND_TIMEOUT"];
    let rule = monitor_core::StatusRule {
        status: "FATAL".to_owned(),
        service_errors: words.map(str::to_owned).to_vec(),
        unhealthy: -1,
    };
    monitor_core::ErrorRules::try_new([rule]).unwrap_or_default()
}

/// The records, a line for each method that was called, as `method = ok 1, other 2`.
fn records(snapshot: &Snapshot) -> Vec<String> {
    let called = snapshot.methods.iter().filter(|method| method.started > 0);
    called.map(|method| record(snapshot, method)).collect()
}

fn record(snapshot: &Snapshot, method: &MethodSnapshot) -> String {
    let types = snapshot.error_types.iter().zip(&method.errors);
    let mut counts = vec![("ok".to_owned(), method.success.count())];
    counts.extend(types.map(|(name, count)| (name.to_string(), *count)));
    let counted: u64 = counts.iter().map(|(_, count)| count).sum();
    counts.push(("in flight".to_owned(), method.in_flight));
    counts.push(("lost".to_owned(), method.started - counted - method.in_flight));
    if let Some(items) = &method.items {
        counts.extend([("items".to_owned(), items.ok), ("failed items".to_owned(), items.failed)]);
    }
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    let labels: Vec<String> = method.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    format!("{}{labels} = {}", method.name, counts.join(", "))
}
