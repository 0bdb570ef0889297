use super::*;

#[test]
fn the_window_holds_the_last_hundred_exactly() {
    let ring = Ring::new();
    let ends = (0_u64..).map(|i| (i << END_SHIFT) + 17);
    for (end, i) in ends.zip(0..250) {
        ring.push(end, if i % 3 == 0 { i + (5 << 40) } else { i });
    }
    let entries: Vec<RingEntry> = ring.cursor().collect();
    assert_eq!(entries.len(), 100);
    for (entry, i) in entries.iter().zip((150..250).rev()) {
        let duration = if i % 3 == 0 { i + (5 << 40) } else { i };
        assert_eq!(
            *entry,
            RingEntry {
                seq: i,
                end: i,
                duration
            }
        );
    }
}

#[test]
fn end_times_outlive_the_wrap_of_their_low_bits() {
    let ring = Ring::new();
    let ends = [1_u64, 0xffff_ffff, 0x1_0000_0003, 0x5_0000_0001].map(|step| step << END_SHIFT);
    for end in &ends[..3] {
        ring.push(*end, 1);
    }
    let seen: Vec<u64> = ring.cursor().map(|entry| entry.end_ticks()).collect();
    assert_eq!(seen, [ends[2], ends[1], ends[0]]);
}

#[test]
fn the_newest_end_is_known_to_a_step_from_the_first_call_on() {
    let ring = Ring::new();
    assert_eq!(ring.newest_end(), None);
    ring.push(5, 5);
    assert_eq!(ring.newest_end(), Some(0));
    for (end, step) in [(7_u64 << END_SHIFT, 7), ((9 << END_SHIFT) + 1234, 9)] {
        ring.push(end, 1);
        assert_eq!(ring.newest_end(), Some(step << END_SHIFT));
    }
}

#[test]
fn an_end_that_steps_back_leaves_the_older_ones_where_they_were() {
    let ring = Ring::new();
    for step in [100_u64, 200, 199] {
        ring.push(step << END_SHIFT, step);
    }
    let seen: Vec<(u64, u64)> = ring.cursor().map(|one| (one.end, one.duration)).collect();
    assert_eq!(seen, [(200, 199), (200, 200), (100, 100)]);
}

#[test]
fn what_a_writer_overwrote_meanwhile_is_told() {
    let ring = Ring::new();
    for i in 0..100 {
        ring.push(i, i);
    }
    let newest = ring.cursor().next().map(|entry| entry.seq);
    assert_eq!(newest, Some(99));
    assert_eq!(ring.intact_from(), 0);
    for i in 100..200 {
        ring.push(i, i);
    }
    assert_eq!(ring.intact_from(), 200 + 1 - ENTRIES as u64);
}

#[test]
fn a_value_belongs_to_one_call_only() {
    let values = ValueRing::new();
    values.push(3, 1.5);
    assert_eq!(values.get(3), Some(1.5));
    assert_eq!(values.get(3 + ENTRIES as u64), None);
    assert_eq!(values.get(4), None);
    values.push(3 + ENTRIES as u64, 2.5);
    assert_eq!(values.get(3), None);
}

#[test]
fn a_shard_takes_no_more_memory_than_is_promised() {
    // The benchmark's promise of a (method, thread) is about this and its places in two tables.
    assert_eq!(size_of::<Shard>(), 17 * 128);
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
