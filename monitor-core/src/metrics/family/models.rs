//! Updates beside children that are hidden and shown, through the model checker.

use loom::thread;

use super::*;
use crate::base::clock::Clock;
use crate::base::sync::leak;
use crate::data::family::{FamilyType, Histogram as Plain, NATIVE_ZERO_THRESHOLD};
use crate::metrics::cells::{BucketKind, HistogramCell};
use crate::metrics::registry::Registry;
use crate::metrics::typed::{Counter, Gauge, Histogram, Instrument, MetricDesc};
use crate::recording::models::check;

/// A family with one child, which has a handle.
fn one<I: Instrument>(
    kind: FamilyType,
    bounds: &[f64],
) -> (&'static LabelFamily<I::Cell>, Handle<I::Cell>) {
    one_of::<I>(MetricDesc::new("x", ""), kind, bounds)
}

fn one_of<I: Instrument>(
    desc: MetricDesc,
    kind: FamilyType,
    bounds: &[f64],
) -> (&'static LabelFamily<I::Cell>, Handle<I::Cell>) {
    let registry: &'static Registry = leak(Registry::new(&Arc::default(), &Clock::manual(0.0).0));
    let desc = desc.labels(["id"]);
    let family = registry
        .register::<I, _>(desc, kind, bounds)
        .expect("a good description")
        .core;
    (family, family.with(["a"]))
}

fn shown<C: LabelCell>(family: &LabelFamily<C>) -> Option<ChildValue> {
    let mut children = family.snapshot(BucketKind::Native).children;
    children.pop().map(|child| child.value)
}

/// Two updates beside a removal: what was counted stays, and one that comes after the removal shows it again.
fn count_beside_a_removal(update: fn(&Counter), each: f64) {
    check(move || {
        let (family, handle) = one::<Counter>(FamilyType::Counter, &[]);
        let counter = Counter::of(handle.clone());
        let theirs = counter.clone();
        let updater = thread::spawn(move || update(&theirs));
        assert!(family.remove(&["a"]));
        updater.join().expect("no panic");
        assert!((counter.get() - each).abs() < f64::EPSILON);
        update(&counter);
        let all = match shown(family) {
            Some(ChildValue::Int(count)) => f64::from(u32::try_from(count).expect("small")),
            Some(ChildValue::Float(count)) => count,
            other => panic!("not shown: {other:?}"),
        };
        assert!((all - 2.0 * each).abs() < f64::EPSILON);
    });
}

#[test]
fn a_count_beside_a_removal_is_kept() {
    count_beside_a_removal(Counter::inc, 1.0);
}

#[test]
fn a_float_count_beside_a_removal_is_kept() {
    count_beside_a_removal(|counter| counter.inc_by_f64(0.5), 0.5);
}

#[test]
fn gauges_beside_a_removal_lose_no_step() {
    check(|| {
        let (family, handle) = one::<Gauge>(FamilyType::Gauge, &[]);
        let gauge = Gauge::of(handle);
        gauge.set(4.0);
        let updaters = [1.0, 2.0].map(|by| {
            let theirs = gauge.clone();
            thread::spawn(move || theirs.add(by))
        });
        family.remove(&["a"]);
        for updater in updaters {
            updater.join().expect("no panic");
        }
        assert!((gauge.get() - 7.0).abs() < f64::EPSILON);
        gauge.add(0.0);
        assert_eq!(shown(family), Some(ChildValue::Float(7.0)));
    });
}

#[test]
fn a_gauge_that_is_set_beside_a_removal_has_that_value() {
    check(|| {
        let (family, handle) = one::<Gauge>(FamilyType::Gauge, &[]);
        let gauge = Gauge::of(handle);
        let theirs = gauge.clone();
        let setter = thread::spawn(move || theirs.set(3.0));
        assert!(family.remove(&["a"]));
        // Found again by its label values while it may be coming back.
        let found = Gauge::of(family.with(["a"]));
        setter.join().expect("no panic");
        assert!((found.get() - 3.0).abs() < f64::EPSILON);
        assert_eq!(shown(family), Some(ChildValue::Float(3.0)));
    });
}

#[test]
fn an_observation_beside_a_removal_is_kept_and_a_sum_is_never_ahead_of_its_buckets() {
    check(|| {
        let (family, handle) = one::<Histogram>(FamilyType::Histogram, &[1.0]);
        let histogram = Histogram::of(handle.clone());
        let writers = [1.0, 2.0].map(|value| {
            let theirs = histogram.clone();
            thread::spawn(move || theirs.observe(value))
        });
        let seen = handle.read(BucketKind::Native);
        // The buckets say which values were observed; the sum may lag.
        let most =
            f64::from(u8::from(seen.counts[0] > 0)) + 2.0 * f64::from(u8::from(seen.counts[1] > 0));
        assert!(seen.sum <= most, "{seen:?}");
        family.remove(&["a"]);
        for writer in writers {
            writer.join().expect("no panic");
        }
        histogram.observe(1.0);
        let Some(ChildValue::Histogram(last)) = shown(family) else {
            panic!("not shown");
        };
        assert_eq!(last.counts, [2, 1]);
        assert!((last.sum - 4.0).abs() < f64::EPSILON);
    });
}

/// In the first exponential bucket and below the bound, above that, and in the next exponential bucket, which the model
/// keeps in a block of its own.
const NATIVE_VALUES: [f64; 3] = [
    NATIVE_ZERO_THRESHOLD * 1.01,
    NATIVE_ZERO_THRESHOLD * 1.05,
    NATIVE_ZERO_THRESHOLD * 1.125,
];
const NATIVE_BOUND: f64 = NATIVE_ZERO_THRESHOLD * 1.03;

fn native() -> (&'static LabelFamily<HistogramCell>, Handle<HistogramCell>) {
    let desc = MetricDesc::new("x", "").native();
    one_of::<Histogram>(desc, FamilyType::Histogram, &[NATIVE_BOUND])
}

/// Count by either kind of buckets, which are equal.
fn native_count(found: &Plain) -> u64 {
    let native = found.native.as_ref().expect("native buckets");
    assert_eq!(native.count(), found.count(), "{found:?}");
    found.count()
}

/// Where two observations make the same block, one that comes after the removal brings the child back, whichever of them
/// made it.
#[test]
fn an_observation_after_a_removal_shows_the_child_whoever_makes_its_native_cells() {
    for [theirs, own] in [[0, 0], [2, 0], [1, 0]] {
        check(move || {
            let (family, handle) = native();
            let histogram = Histogram::of(handle);
            let other = histogram.clone();
            let writer = thread::spawn(move || other.observe(NATIVE_VALUES[theirs]));
            assert!(family.remove(&["a"]));
            histogram.observe(NATIVE_VALUES[own]);
            let Some(ChildValue::Histogram(seen)) = shown(family) else {
                panic!("not shown");
            };
            assert!(native_count(&seen) >= 1);
            writer.join().expect("no panic");
            let Some(ChildValue::Histogram(last)) = shown(family) else {
                panic!("not shown");
            };
            assert_eq!(native_count(&last), 2);
        });
    }
}

#[test]
fn a_reader_beside_native_observations_finds_equal_totals_that_never_fall_and_no_sum_ahead() {
    check(|| {
        let (_, handle) = native();
        let histogram = Histogram::of(handle.clone());
        let writers = [2, 1].map(|at| {
            let theirs = histogram.clone();
            thread::spawn(move || theirs.observe(NATIVE_VALUES[at]))
        });
        let mut before = 0;
        for _ in 0..2 {
            let seen = handle.read(BucketKind::Native);
            let count = native_count(&seen);
            assert!(count >= before, "{seen:?}");
            before = count;
            // Each bucket has one of the values.
            let native = seen.native.as_ref().expect("native buckets");
            let of_bucket = |(index, count): &(i32, u64)| {
                assert_eq!(*count, 1);
                NATIVE_VALUES[usize::from(*index > -191) + 1]
            };
            let most: f64 = native.positive.iter().map(of_bucket).sum();
            assert!(seen.sum <= most, "{seen:?}");
        }
        for writer in writers {
            writer.join().expect("no panic");
        }
        assert_eq!(native_count(&handle.read(BucketKind::Native)), 2);
    });
}
