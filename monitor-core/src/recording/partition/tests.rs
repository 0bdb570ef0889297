use proptest::prelude::*;

use super::*;
use crate::data::buckets::{DEFAULT_BUCKETS, TIME_BOUNDS};
use crate::data::native::NATIVE_ZERO_THRESHOLD;

/// Tick counters as they are: of nanoseconds, of 2.6 GHz, of 24 MHz, and one measured.
const TICKS: [f64; 4] = [1.0, 1.0 / 2.6, 1000.0 / 24.0, 0.385_162_837];

fn clock(nanos_per_tick: f64) -> Clock {
    Clock::manual(0.0).0.with_tick(nanos_per_tick)
}

fn default_bounds() -> Arc<[f64]> {
    let mut bounds = [&TIME_BOUNDS[..], &DEFAULT_BUCKETS].concat();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds.into()
}

/// The default ones, some others, and many that are close together.
fn sets_of_bounds() -> [Arc<[f64]>; 3] {
    let close = (0..200).map(|at| 0.01 + f64::from(at) * 1e-4);
    [
        default_bounds(),
        Arc::from([0.3, 0.5, 7.0]),
        close.collect(),
    ]
}

/// The buckets of a duration by definition: the first bound that is not below it, of either kind.
fn by_definition(bounds: &[f64], clock: &Clock, ticks: u64) -> CellBuckets {
    let classic = bounds
        .iter()
        .take_while(|bound| clock.ticks(**bound) < ticks);
    let bounds = NATIVE.map(|index| native_bound(index.into()));
    let native = bounds.take_while(|bound| clock.ticks(*bound) < ticks);
    CellBuckets {
        classic: u16::try_from(classic.count()).expect("few"),
        native: NATIVE.start() + i16::try_from(native.count()).expect("few"),
    }
}

#[test]
fn every_edge_and_its_neighbours_are_in_the_buckets_of_their_definition() {
    for clock in TICKS.map(clock) {
        for bounds in sets_of_bounds() {
            let partition = TickPartition::new(&bounds, &clock);
            let edges = partition.partition.edges.iter().copied();
            let powers = (0..64).map(|power| 1_u64 << power);
            for tick in edges.chain(powers) {
                for ticks in [tick.saturating_sub(1), tick, tick.saturating_add(1)] {
                    let found = partition.partition.buckets(partition.cell(ticks));
                    assert_eq!(found, by_definition(&bounds, &clock, ticks), "{ticks}");
                }
            }
        }
    }
}

#[test]
fn exponential_bounds_are_powers_of_the_eighth_root_of_two() {
    for index in NATIVE {
        let exact = (f64::from(index) / 8.0).exp2();
        let found = native_bound(index.into());
        assert!(
            (found / exact - 1.0).abs() < 4e-16,
            "{index}: {found} {exact}"
        );
    }
    assert!((native_bound(-192) - NATIVE_ZERO_THRESHOLD).abs() < f64::MIN_POSITIVE);
    assert!((native_bound(0) - 1.0).abs() < f64::MIN_POSITIVE);
}

#[test]
fn nearly_no_step_of_the_table_has_to_be_searched() {
    for clock in TICKS.map(clock) {
        let partition = TickPartition::new(&default_bounds(), &clock);
        let short = &partition.steps[..=step_of(LONG - 1)];
        assert_eq!(short.len(), 448);
        let searched = short.iter().filter(|step| step.first == AWAY).count();
        assert!(searched <= 21, "{searched}");
    }
}

#[test]
fn a_step_begins_at_its_lower_edge() {
    for step in 0..STEPS {
        assert_eq!(step_of(lower_edge(step)), step);
        if lower_edge(step) > 0 {
            assert_eq!(step_of(lower_edge(step) - 1), step - 1);
        }
    }
}

#[test]
fn on_the_forced_slow_path_every_duration_is_slow_and_its_cell_exact_all_the_same() {
    let partition = TickPartition::new(&default_bounds(), &clock(1.0));
    assert_eq!(partition.slow_from(), LONG);
    let cell = partition.cell(1 << 20);
    partition.force_slow_path();
    assert_eq!((partition.slow_from(), partition.cell(1 << 20)), (0, cell));
}

#[test]
fn both_kinds_of_buckets_have_the_same_total() {
    let partition = Partition::of_values(&default_bounds());
    let mut totals = BucketTotals::new(partition.bounds.len() + 1, true);
    for (value, count) in [(0.0, 1), (1e-9, 2), (0.3, 4), (0.3, 8), (1e18, 16)] {
        totals.add(&partition, partition.cell(value), count);
    }
    let native = totals.native(&partition).expect("it was wanted");
    assert_eq!(native.count(), totals.classic.iter().sum::<u64>());
    assert_eq!(native.zero, 3);
    // 2^(-14/8) is 0.297, 2^(-13/8) is 0.324; 1e18 is below 2^(479/8).
    assert_eq!(native.positive, [(-13, 12), (479, 16)]);
}

#[test]
fn of_several_tries_the_totals_have_the_last_one_alone() {
    let partition = TickPartition::new(&Arc::from([1.0]), &clock(1.0));
    let mut totals = BucketTotals::new(2, true);
    totals.add(&partition.partition, 0, 1);
    let mut room = BucketTotals::default();
    let mut taker = TotalsTaker::new(&partition.partition, &mut totals, &mut room);
    for count in [2, 4, 8] {
        taker.start_over();
        taker.take(0, count);
    }
    assert_eq!(totals.classic, [9, 0]);
    let native = totals.native(&partition.partition);
    assert_eq!(native.map(|native| native.count()), Some(9));
}

proptest! {
    #[test]
    fn the_cell_of_a_value_is_found_from_near_it(
        mut bounds in proptest::collection::vec(0.0_f64..1e10, 1..300),
        exponent in -70.0_f64..70.0,
        at in 0_usize..700,
    ) {
        bounds.sort_by(f64::total_cmp);
        let partition = Partition::of_values(&bounds.into());
        let edge = partition.edges[at % partition.edges.len()];
        for value in [0.0, -0.0, exponent.exp2(), edge, edge.next_up(), edge.next_down().max(0.0)] {
            prop_assert_eq!(partition.cell_of_value(value), partition.cell(value));
        }
    }

    #[test]
    fn the_cells_are_those_of_the_definition(
        mut bounds in proptest::collection::vec(0.0_f64..1e5, 1..300),
        value in any::<u64>(),
        shift in 0_u32..64,
        tick in 0..TICKS.len(),
    ) {
        bounds.sort_by(f64::total_cmp);
        let clock = clock(TICKS[tick]);
        let ticks = value >> shift;
        let bounds: Arc<[f64]> = bounds.into();
        let partition = TickPartition::new(&bounds, &clock);
        let found = partition.partition.buckets(partition.cell(ticks));
        prop_assert_eq!(found, by_definition(&bounds, &clock, ticks));
    }
}
