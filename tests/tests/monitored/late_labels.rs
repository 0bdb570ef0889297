//! Labels with values known only at a call: of `self`, of generic functions.

use monitor_core::testing::{self, Recorder, call};
use monitor_core::{Monitor, MonitorLabel, StorageConfig, monitored};

#[derive(Clone, Copy, MonitorLabel)]
enum Side {
    Left,
    Right,
}

fn series(monitor: &Monitor, method: &str) -> Vec<(String, u64)> {
    let snapshot = monitor.snapshot();
    let found = snapshot.methods.iter().filter(|one| &*one.name == method);
    let mut found: Vec<_> = found
        .map(|one| {
            (
                one.labels
                    .iter()
                    .map(|label| label.value.to_string())
                    .collect::<Vec<_>>()
                    .join(","),
                one.started,
            )
        })
        .collect();
    found.sort();
    found
}

fn registering() -> Monitor {
    let mut config = StorageConfig::default();
    config.preregister = true;
    Monitor::new(config)
}

#[monitored(labels(value = value))]
fn generic<L: MonitorLabel>(value: L) {
    drop(value);
}

#[monitored(labels(value = value))]
fn generic_of_one<L: MonitorLabel>(value: L) {
    drop(value);
}

#[test]
fn a_generic_functions_label_appears_with_its_first_call() {
    let monitor = registering();
    assert!(
        series(&monitor, "generic_of_one")
            .iter()
            .all(|(labels, started)| labels.is_empty() && *started == 0)
    );
    monitor.scope_sync(|| generic_of_one(Side::Left));
    let after: Vec<_> = series(&monitor, "generic_of_one")
        .into_iter()
        .filter(|(labels, _)| !labels.is_empty())
        .collect();
    assert_eq!(
        after,
        [("left".to_owned(), 1), ("right".to_owned(), 0)],
        "the others at zero with the first call"
    );
}

#[test]
fn a_generic_function_counts_each_types_values() {
    let ((), recorded) = testing::record(|| {
        generic(Side::Right);
        generic(true);
        generic(&Side::Left);
    });
    recorded.assert_exactly(
        ["right", "true", "left"].map(|value| call("generic").label("value", value).success()),
    );
}

struct Door<S, Key2> {
    side: S,
    key: Key2,
}

#[monitored]
impl<S: MonitorLabel + Copy, Key2: AsRef<str>> Door<S, Key2> {
    #[monitored(labels(side = self.side, capped(key = self.key.as_ref(), max = 5)))]
    fn open(&mut self) -> bool {
        true
    }

    #[monitored(labels(side = self.side, of = side))]
    async fn open_later(self, side: S) -> S {
        crate::drive::pause().await;
        side
    }
}

struct Named {
    side: Side,
}

impl Named {
    #[monitored(labels(side = self.side, open = open))]
    fn turn(&self, open: bool) {}
}

#[test]
fn labels_of_self_are_known_at_the_first_call() {
    let monitor = registering();
    assert!(
        series(&monitor, "turn")
            .iter()
            .all(|(labels, _)| labels.is_empty())
    );
    monitor.scope_sync(|| Named { side: Side::Right }.turn(false));
    let after: Vec<_> = series(&monitor, "turn")
        .into_iter()
        .filter(|(labels, _)| !labels.is_empty())
        .collect();
    assert_eq!(after.len(), 4, "{after:?}");
    assert_eq!(after.iter().map(|(_, started)| started).sum::<u64>(), 1);
}

#[test]
fn labels_in_a_generic_block() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let mut door = Door {
            side: Side::Left,
            key: "gold".to_owned(),
        };
        assert!(door.open());
        crate::drive::ready(door.open_later(Side::Right));
    });
    probe.recorded().assert_exactly([
        call("Door::open")
            .label("side", "left")
            .label("key", "gold")
            .success(),
        call("Door::open_later")
            .label("side", "left")
            .label("of", "right")
            .success(),
    ]);
}

struct Gate<S>(S);

#[monitored]
impl<S: MonitorLabel> Gate<S> {
    #[monitored(labels(side = self.0))]
    fn open(&self) {}
}

#[test]
fn a_generic_block_counts_each_types_values() {
    let ((), recorded) = testing::record(|| {
        Gate(Side::Left).open();
        Gate(false).open();
    });
    recorded.assert_exactly(
        ["left", "false"].map(|side| call("Gate::open").label("side", side).success()),
    );
}

trait Sided {
    type Label: MonitorLabel;
    fn label(&self) -> Self::Label;
}

impl Sided for u8 {
    type Label = bool;
    fn label(&self) -> bool {
        *self > 1
    }
}

#[monitored(labels(label = item.label()))]
fn of_associated_type<T: Sided>(item: &T) {}

#[monitored(labels(label = item.label()))]
async fn of_impl_trait(item: impl Sided) {
    drop(item);
}

#[test]
fn labels_of_associated_types() {
    let ((), recorded) = testing::record(|| {
        of_associated_type(&1_u8);
        crate::drive::ready(of_impl_trait(2_u8));
    });
    recorded.assert_exactly([
        call("of_associated_type").label("label", "false").success(),
        call("of_impl_trait").label("label", "true").success(),
    ]);
}
