use std::mem::offset_of;

use super::*;

#[test]
fn a_shard_takes_no_more_memory_than_is_promised() {
    // The benchmark's promise of a (method, thread) is about this and its places in two tables.
    assert_eq!(size_of::<Shard>(), 17 * 128);
}

#[test]
fn the_entries_of_the_ring_and_the_cells_begin_with_a_cache_line() {
    let entries = offset_of!(Shard, ring) + Ring::ENTRIES_AT;
    let cells = offset_of!(Shard, ok) + Successes::CELLS_AT;
    assert_eq!([entries % 64, cells % 64], [0, 0]);
}

/// Whether each shard of the method `Load` lets a success take the fast path.
fn known_ok(monitor: crate::Monitor) -> Vec<(bool, bool)> {
    let methods = monitor.core.methods();
    let shards = methods.filter(|method| &*method.name == "Load");
    let shards = shards.flat_map(MethodCore::shards);
    let known = shards.map(|shard| (shard.is_nested(), shard.is_known_ok()));
    known.collect()
}

#[test]
fn a_nested_success_asks_once_about_a_failing_default() {
    use crate::{Monitor, Outcome, StorageConfig};

    let monitor = Monitor::new(StorageConfig::default());
    let method = |name| monitor.method(name).expect("a name");
    let (serve, load) = (method("Serve"), method("Load"));
    let nested = || {
        let call = serve.start();
        call.run(|| load.start().finish(Outcome::Success));
        drop(call);
    };
    monitor.scope_sync(|| {
        nested();
        assert_eq!(known_ok(monitor), [(true, true)]);
        for _ in 0..2 {
            serve.start().finish(Outcome::ErrorType("other"));
            serve.start().finish(Outcome::Success);
            serve.start().finish(Outcome::ErrorType("other"));
            assert_eq!(known_ok(monitor), [(true, false)]);
            nested();
            assert_eq!(known_ok(monitor), [(true, true)]);
        }
    });
}
