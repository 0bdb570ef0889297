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
    let ends = [1_u64, 0x7fff_ffff, 0x8000_0003, 0x2_8000_0001].map(|step| step << END_SHIFT);
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
