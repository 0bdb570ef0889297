#![expect(clippy::cast_precision_loss, reason = "small numbers")]

use std::time::Duration;

use proptest::prelude::*;

use super::super::coding::tests::any_calls;
use super::*;
use crate::data::slot::{CallerSlot, Cells, FailureSlot};

/// Numbers that look random, the same in each run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Calls whose durations are about normal in the logarithm: nearly all within `width` cells.
    fn cells(&mut self, middle: i16, width: u64, calls: u64) -> Cells {
        let mut counts = vec![0; usize::try_from(width).unwrap()];
        for _ in 0..calls {
            let of_four = (0..4).map(|_| self.below(width)).sum::<u64>() / 4;
            counts[usize::try_from(of_four).unwrap()] += 1;
        }
        let first = middle - i16::try_from(width / 2).unwrap();
        Cells((first..).zip(counts).filter(|one| one.1 > 0).collect())
    }

    /// About as many as this in the mean.
    fn about(&mut self, calls: u64) -> u64 {
        (0..2 * calls).filter(|_| self.below(2) == 0).count() as u64
    }

    fn method(&mut self, method: u32, mean: u64, width: u64) -> MethodSlot {
        let calls = self.about(mean);
        let ok = self.cells(-100 + i16::try_from(method % 80).unwrap(), width, calls);
        let failures = (method.is_multiple_of(5) && mean > 10).then(|| FailureSlot {
            error_type: method % 7,
            kind: FailureKind::Counts,
            cells: self.cells(-30, 12, 3),
        });
        let ended = calls + failures.as_ref().map_or(0, |one| one.cells.count());
        let begun = ended + self.below(2);
        let busy: f64 =
            ok.0.iter()
                .map(|one| one.1 as f64 * Cells::middle(one.0))
                .sum();
        let in_flight = self.below(3);
        MethodSlot {
            method,
            begun,
            ok,
            callers: vec![CallerSlot {
                caller: (method * 31) % 200,
                begun,
                failed: failures.as_ref().map_or(0, |one| one.cells.count()),
            }],
            failures: failures.into_iter().collect(),
            busy: busy * (1.0 + self.below(100) as f64 / 1000.0),
            in_flight,
            oldest: if in_flight > 0 {
                0.01 + self.below(100) as f64 / 1e4
            } else {
                0.0
            },
            ..MethodSlot::default()
        }
    }

    fn slot(&mut self, tick: u64, methods: u32, mean: u64, width: u64) -> Slot {
        Slot {
            tick,
            begin: tick as f64 * 2.0,
            end: (tick + 1) as f64 * 2.0,
            methods: (0..methods)
                .map(|method| self.method(method, mean, width))
                .collect(),
            entries: self.method(0, mean, width),
            ..Slot::default()
        }
    }
}

fn level_bytes(levels: &Levels) -> [usize; 3] {
    [0, 1, 2].map(|nth| {
        levels.by_range[nth]
            .slots
            .iter()
            .map(|slot| slot.block.bytes())
            .sum()
    })
}

#[test]
fn a_window_is_of_the_finest_level_that_goes_back_so_far() {
    let mut levels = Levels::new(&HistoryConfig::default());
    assert_eq!(levels.window(0.0, 300.0), None);
    let calls = |begun| MethodSlot {
        method: 3,
        begun,
        ok: Cells(vec![(-41, begun)]),
        ..MethodSlot::default()
    };
    for tick in 0..2000_u64 {
        let begin = tick as f64 * 2.0;
        levels.add(&Slot {
            tick,
            begin,
            end: begin + 2.0,
            methods: vec![calls(if begin < 2000.0 { 1 } else { 2 })],
            ..Slot::default()
        });
    }
    let window = |from: f64, to: f64| {
        let window = levels.window(from, to).expect("slots");
        let (calls, is_full) = &window.methods[0];
        assert!(is_full);
        (
            window.range,
            window.begin,
            window.end,
            calls.begun,
            calls.ok.0.clone(),
        )
    };
    let fine = (Range::Minutes15, 3700.0, 4000.0, 300, vec![(-41, 300)]);
    assert_eq!(window(3700.0, 4000.0), fine);
    // Slots of 20 s end with a tick that is a multiple of ten: at 2 s and every 20 s from then on. Cells of four are one.
    let coarse = (Range::Hours3, 1002.0, 1302.0, 150, vec![(-40, 150)]);
    assert_eq!(window(1000.0, 1300.0), coarse);
    assert_eq!(levels.window(-400.0, -100.0), None);
    // Nothing after the newest.
    assert_eq!(levels.window(5000.0, 5300.0), None);
}

/// `cargo test --release -p monitor-core --lib two_hundred -- --ignored --nocapture`
#[test]
#[ignore = "a measurement of a day"]
fn two_hundred_busy_methods_fit() {
    let mut draws = Draws(1);
    let slots: Vec<_> = (0..240)
        .map(|tick| draws.slot(tick, 200, 100, 28))
        .collect();
    let mut levels = Levels::new(&HistoryConfig::default());
    let mut times = Vec::new();
    let info = allocation_counter::measure(|| {
        levels = Levels::new(&HistoryConfig::default());
        for tick in 0..43_800 {
            let mut slot = slots[usize::try_from(tick % 240).unwrap()].clone();
            slot.tick = tick;
            slot.begin = tick as f64 * 2.0;
            slot.end = slot.begin + 2.0;
            let begin = cpu_time();
            levels.add(&slot);
            times.push(cpu_time().saturating_sub(begin));
        }
    });
    println!(
        "{} bytes, counted {}, by level {:?}, thinned {:?}",
        info.bytes_current,
        levels.bytes(),
        level_bytes(&levels),
        levels.thinned()
    );
    for (nth, bytes) in level_bytes(&levels).into_iter().enumerate() {
        println!(
            "{} bytes a slot, {} slots",
            bytes / levels.by_range[nth].slots.len(),
            levels.by_range[nth].slots.len()
        );
    }
    print_times(&times);
    time("recent(15)", || levels.recent(15).len());
    time("slots", || {
        levels
            .slots(Subject::Method(77), Range::Minutes15, None)
            .len()
    });
    time("slots 3h", || {
        levels.slots(Subject::Method(77), Range::Hours3, None).len()
    });
    time("curves of 60", || {
        levels.curves(&(0..60).collect::<Vec<_>>()).len()
    });
    time("minutes of 20", || {
        levels.minutes(&(0..20).collect::<Vec<_>>()).len()
    });
}

#[test]
#[ignore = "a measurement"]
fn five_thousand_methods() {
    let mut draws = Draws(1);
    let slots: Vec<_> = (0..20).map(|tick| draws.slot(tick, 5_000, 3, 16)).collect();
    let mut levels = Levels::new(&HistoryConfig::default());
    let mut times = Vec::new();
    for tick in 0..1000 {
        let mut slot = slots[usize::try_from(tick % 20).unwrap()].clone();
        slot.tick = tick;
        let begin = cpu_time();
        levels.add(&slot);
        times.push(cpu_time().saturating_sub(begin));
    }
    println!(
        "counted {}, by level {:?}, thinned {:?}",
        levels.bytes(),
        level_bytes(&levels),
        levels.thinned()
    );
    println!(
        "newest fuller {:?}",
        levels.by_range[0].slots.back().unwrap().best().bytes()
    );
    print_times(&times);
    time("recent(15)", || levels.recent(15).len());
    time("recent(5)", || levels.recent(5).len());
    time("slots", || {
        levels
            .slots(Subject::Method(77), Range::Minutes15, None)
            .len()
    });
    time("curves of 60", || {
        levels.curves(&(0..60).collect::<Vec<_>>()).len()
    });
    time("minutes of 5000", || {
        levels.minutes(&(0..5000).collect::<Vec<_>>()).len()
    });
}

/// What this thread ran, not what the machine was busy with beside it.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next();
    Duration::from_nanos(first.and_then(|ran| ran.parse().ok()).unwrap_or(0))
}

fn print_times(times: &[Duration]) {
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap();
    println!("add: {mean:?} in the mean");
}

fn time(name: &str, read: impl Fn() -> usize) {
    let begin = cpu_time();
    let len = (0..100).map(|_| std::hint::black_box(read())).max();
    println!(
        "{name}: {:?}, {len:?} rows",
        (cpu_time().saturating_sub(begin)) / 100
    );
}

fn ticks(levels: &Levels, range: Range) -> Vec<u64> {
    levels
        .slots(Subject::Entries, range, None)
        .iter()
        .map(|slot| slot.tick)
        .collect()
}

fn call(method: u32, begun: u64) -> MethodSlot {
    MethodSlot {
        method,
        begun,
        ok: Cells(vec![(-40, begun)]),
        entries: begun,
        in_flight: begun,
        ..MethodSlot::default()
    }
}

fn one_slot(tick: u64, methods: Vec<MethodSlot>) -> Slot {
    let begin = Duration::from_secs(2 * tick).as_secs_f64();
    let entries = methods.first().cloned().unwrap_or_default();
    Slot {
        tick,
        begin,
        end: begin + 2.0,
        methods,
        entries,
        ..Slot::default()
    }
}

#[test]
fn coarser_slots_end_at_multiples_and_are_the_sums_of_finer_ones() {
    let mut levels = Levels::new(&HistoryConfig::default());
    for tick in 0..=130 {
        levels.add(&one_slot(tick, vec![call(3, tick), call(9, 1)]));
    }
    assert_eq!(
        ticks(&levels, Range::Hours3),
        (0..=13).map(|nth| nth * 10).collect::<Vec<_>>()
    );
    assert_eq!(ticks(&levels, Range::Hours24), [0, 60, 120]);
    let of_3 = levels.slots(Subject::Method(3), Range::Hours3, Some(100));
    assert_eq!(of_3.len(), 3);
    assert_eq!(
        (of_3[0].begin, of_3[0].end, of_3[0].tick),
        (202.0, 222.0, 110)
    );
    assert_eq!(of_3[0].calls.begun, (101..=110).sum::<u64>());
    assert_eq!(of_3[0].calls.in_flight, 110, "the greatest");
    let of_9 = levels.slots(Subject::Method(9), Range::Hours24, Some(0));
    assert_eq!(
        of_9.iter().map(|slot| slot.calls.begun).collect::<Vec<_>>(),
        [60, 60]
    );
    assert!(of_9.iter().all(|slot| slot.is_full));
    assert_eq!(
        levels.slots(Subject::Method(4), Range::Hours24, None)[1].calls,
        MethodSlot {
            method: 4,
            ..MethodSlot::default()
        }
    );
}

#[test]
fn a_slot_with_missing_ticks_is_made_when_the_next_one_comes() {
    let mut levels = Levels::new(&HistoryConfig::default());
    levels.add(&one_slot(1, vec![call(3, 5)]));
    levels.add(&one_slot(8, vec![call(3, 6)]));
    assert!(ticks(&levels, Range::Hours3).is_empty());
    levels.add(&one_slot(4_321, vec![call(3, 7)]));
    assert_eq!(ticks(&levels, Range::Hours3), [10]);
    assert_eq!(ticks(&levels, Range::Hours24), [60]);
    let slot = levels
        .slots(Subject::Method(3), Range::Hours24, Some(8))
        .remove(0);
    assert_eq!((slot.begin, slot.end, slot.calls.begun), (2.0, 18.0, 11));
    // The same tick again, or one before it, is not a new slot.
    levels.add(&one_slot(4_321, vec![call(3, 7)]));
    levels.add(&one_slot(9, vec![call(3, 7)]));
    assert_eq!(
        ticks(&levels, Range::Minutes15),
        [4_321],
        "15 minutes have passed"
    );
}

#[test]
fn slots_are_kept_as_long_as_their_level() {
    let mut levels = Levels::new(&HistoryConfig::default());
    for tick in 0..45_000 {
        levels.add(&one_slot(tick, Vec::new()));
    }
    for range in Range::ALL {
        let kept = ticks(&levels, range);
        assert_eq!(kept.len() as u64, range.slots());
        assert!(kept.is_sorted_by(|one, next| next - one == range.ticks()));
    }
    let places = 1_713 * size_of::<LevelSlot>();
    assert!(
        levels.bytes() <= places + 1_710 * 4,
        "{}: next to nothing for a slot without calls",
        levels.bytes()
    );
}

#[test]
fn recent_calls_are_sums_with_what_is_in_flight_now() {
    let mut levels = Levels::new(&HistoryConfig::default());
    for tick in 0..20 {
        levels.add(&one_slot(
            tick,
            vec![
                call(3, tick),
                call(70_000 + u32::try_from(tick).unwrap(), 1),
            ],
        ));
    }
    let recent = levels.recent(2);
    assert_eq!(
        recent
            .iter()
            .map(|calls| (calls.method, calls.begun, calls.in_flight))
            .collect::<Vec<_>>(),
        [(3, 37, 19), (70_018, 1, 0), (70_019, 1, 1)]
    );
    assert_eq!(recent[0].ok, Cells(vec![(-40, 37)]));
    assert_eq!(levels.recent_entries(2).begun, 37);
    assert_eq!(levels.recent(100).len(), 21);
    let some: Vec<_> = recent.iter().step_by(3).cloned().collect();
    let numbers: Vec<_> = some.iter().map(|calls| calls.method).collect();
    assert_eq!(levels.recent_of(&numbers, 2), some);
    let unknown = MethodSlot {
        method: 1_000,
        ..MethodSlot::default()
    };
    assert_eq!(levels.recent_of(&[1_000], 2), [unknown]);
    assert!(Levels::default().recent(15).is_empty());
}

#[test]
fn curves_and_minutes_count_back_from_the_newest_slot() {
    let mut levels = Levels::new(&HistoryConfig::default());
    for tick in 0..450 {
        let failures = vec![FailureSlot {
            error_type: 1,
            kind: FailureKind::Counts,
            cells: Cells(vec![(3, u64::from(tick >= 420))]),
        }];
        levels.add(&one_slot(
            tick,
            vec![MethodSlot {
                failures,
                ..call(3, 2)
            }],
        ));
    }
    let curves = levels.curves(&[7, 3]);
    assert_eq!((curves[0].max, curves[1].max), (0.0, 15.0));
    assert!(
        curves[1]
            .calls
            .iter()
            .all(|calls| (calls - 15.0).abs() < 1e-9),
        "{:?}",
        curves[1].calls
    );
    let failed = |parts: &[f64]| parts.iter().sum::<f64>();
    assert!(
        failed(&curves[1].failed[..56]) < 1e-9,
        "{:?}",
        curves[1].failed
    );
    assert!(
        (failed(&curves[1].failed[56..]) - 30.0).abs() < 1e-9,
        "{:?}",
        curves[1].failed
    );
    let minutes = levels.minutes(&[3, 7, 3]);
    assert_eq!(minutes[0], minutes[2]);
    assert_eq!(minutes[1], [MinuteCalls::default(); 15]);
    assert_eq!(
        minutes[0][13],
        MinuteCalls {
            calls: 60,
            ended: 60,
            failed: 0
        }
    );
    assert_eq!(
        minutes[0][14],
        MinuteCalls {
            calls: 60,
            ended: 90,
            failed: 30
        }
    );
}

#[test]
fn above_the_bound_the_busiest_stay_full_and_the_sum_of_all_is_right() {
    let config = HistoryConfig {
        max_bytes: 1 << 20,
        ..HistoryConfig::default()
    };
    let mut levels = Levels::new(&config);
    let mut draws = Draws(3);
    let slots: Vec<_> = (0..700).map(|tick| draws.slot(tick, 600, 4, 16)).collect();
    for slot in &slots {
        let mut slot = slot.clone();
        slot.methods[400] = MethodSlot {
            begun: 900,
            ..slot.methods[400].clone()
        };
        levels.add(&slot);
        assert!(levels.bytes() <= config.max_bytes, "{}", levels.bytes());
    }
    let [newest, ..] = levels.thinned();
    assert!(newest.totals > 10 && newest.added_up > 100, "{newest:?}");
    let busiest = levels.slots(Subject::Method(400), Range::Minutes15, None);
    assert!(
        busiest
            .iter()
            .all(|slot| slot.is_full && slot.calls.begun == 900)
    );
    let old = levels.by_range[0].slots[100].block.tick;
    let of_slot = |method| {
        levels
            .slots(Subject::Method(method), Range::Minutes15, Some(old - 1))
            .remove(0)
    };
    let all: Vec<_> = (0..600).chain([u32::MAX]).map(of_slot).collect();
    let begun: u64 = all.iter().map(|slot| slot.calls.begun).sum();
    let given = &slots[usize::try_from(old).unwrap()].methods;
    assert_eq!(
        begun,
        900 - given[400].begun + given.iter().map(|calls| calls.begun).sum::<u64>()
    );
    assert!(
        all.iter()
            .filter(|slot| slot.calls.begun == 0)
            .all(|slot| !slot.is_full)
    );
    // The newest 30 s are told of in full.
    assert_eq!(levels.recent(15).len(), 600);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_slots_neither_panic_nor_pass_the_bound(
        slots in prop::collection::vec((0..200_u64, prop::collection::vec(any_calls(0..60_u32), 0..30)), 1..30),
        max_bytes in 0..600_000_usize,
    ) {
        let mut levels = Levels::new(&HistoryConfig { max_bytes, ..HistoryConfig::default() });
        let mut tick = 0_u64;
        for (more, methods) in slots {
            tick += more;
            let begin = if more == 7 { f64::NAN } else { 2.0 * f64::from(u32::try_from(tick).unwrap()) };
            let entries = methods.first().cloned().unwrap_or_default();
            levels.add(&Slot { tick, begin, end: begin + 2.0, methods, entries, ..Slot::default() });
            // The places of slots, and of each one its totals.
            let least = 1_713 * (size_of::<LevelSlot>() + 96);
            prop_assert!(levels.bytes() <= max_bytes.max(least), "{} {max_bytes}", levels.bytes());
        }
        for range in Range::ALL {
            for of in [Subject::Entries, Subject::Method(5), Subject::Method(u32::MAX)] {
                prop_assert!(levels.slots(of, range, None).is_sorted_by(|one, next| one.tick < next.tick));
            }
        }
        let recent = levels.recent(15);
        prop_assert!(recent.is_sorted_by(|one, next| one.method < next.method));
        prop_assert!(recent.iter().all(|calls| calls.busy.is_finite()));
        levels.curves(&[5, 1, 5]);
        levels.minutes(&[5, 1, 5]);
    }
}
