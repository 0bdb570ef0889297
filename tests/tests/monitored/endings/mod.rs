//! Every shape of a monitored function through every way its call can end: the outcome is the same for all of them.

mod guards;
#[allow(
    clippy::ignored_unit_patterns,
    clippy::manual_async_fn,
    clippy::match_single_binding,
    clippy::no_effect_underscore_binding,
    clippy::redundant_async_block,
    clippy::unit_arg,
    clippy::unused_async,
    reason = "what is tested is how each of these forms ends"
)]
mod shapes;
mod sync;
mod ways;

use std::panic::{AssertUnwindSafe, catch_unwind};

use monitor_core::{Monitor, StorageConfig};

use shapes::{Shape, shapes};
use ways::{Way, ways};

/// A storage of its own, in which one call may run at once, if calls need a permit.
fn monitor() -> Monitor {
    let mut config = StorageConfig::default();
    config.preregister = true;
    config.max_workers = 1;
    Monitor::new(config)
}

/// The counts of a method: `started success failure in-flight`, then the error types.
fn counted(monitor: Monitor, method: &str) -> String {
    let snapshot = monitor.snapshot();
    let (mut numbers, mut types) = ([0; 4], vec![0; snapshot.error_types.len()]);
    for one in snapshot.methods.iter().filter(|one| &*one.name == method) {
        let counts = [
            one.started,
            one.success.count(),
            one.failure.count(),
            one.in_flight,
        ];
        numbers.iter_mut().zip(counts).for_each(|(n, m)| *n += m);
        types.iter_mut().zip(&one.errors).for_each(|(n, m)| *n += m);
    }
    let line = numbers.map(|number| number.to_string()).join(" ");
    let types = snapshot.error_types.iter().zip(types);
    let types = types.filter(|(_, count)| *count > 0);
    types.fold(line, |line, (name, count)| format!("{line} {name}={count}"))
}

/// Runs this and catches its panic; returns whether there was one.
fn panics<R>(run: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(|| drop(run()))).is_err()
}

/// Runs something while the thread panics.
fn while_unwinding(run: impl FnOnce()) {
    struct Late<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for Late<F> {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            if let Some(run) = self.0.take() {
                run();
            }
        }
    }
    assert!(panics(|| {
        let _late = Late(Some(run));
        panic!("elsewhere")
    }));
}

/// The counts of a shape that ends in this way.
fn ended(shape: &Shape, way: &Way) -> String {
    let monitor = monitor();
    let permit = match monitor.method(shape.method) {
        Ok(method) if shape.waits_for_a_permit => method.permits().try_acquire(),
        Ok(_) => None,
        Err(error) => panic!("{}: {error}", shape.method),
    };
    assert_eq!(permit.is_some(), shape.waits_for_a_permit);
    if panics(|| (way.run)(monitor, shape.make)) {
        return "it went another way".to_owned();
    }
    counted(monitor, shape.method)
}

#[test]
fn every_asynchronous_shape_ends_the_same_in_every_way() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for shape in shapes() {
        for way in ways().iter().filter(|way| shape.can_end(way)) {
            tried += 1;
            let counted = ended(&shape, way);
            if counted != way.expected {
                wrong.push(format!("{} {}: {counted}", shape.name, way.name));
            }
        }
    }
    assert!(tried > 500, "{tried}");
    assert!(
        wrong.is_empty(),
        "{} of {tried}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The call began with the body that made the stream.
#[test]
fn a_stream_that_is_dropped_before_it_is_read_is_cancelled_also_by_a_panic_elsewhere() {
    let ways: [fn(shapes::Unread); 2] = [drop, |stream| while_unwinding(|| drop(stream))];
    for drops in ways {
        let monitor = monitor();
        monitor.scope_sync(|| drops(shapes::unread_stream()));
        assert_eq!(counted(monitor, "later_stream"), "1 0 1 0 cancelled=1");
    }
}
