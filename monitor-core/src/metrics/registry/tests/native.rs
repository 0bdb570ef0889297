//! Registered histograms with native buckets.

use std::thread;

use super::*;
use crate::data::buckets::{SIZE_BOUNDS, TIME_BOUNDS};
use crate::data::family::{ChildValue, Histogram as Plain, NativeBuckets};
use crate::data::snapshot::Snapshot;

fn histograms(monitor: Monitor) -> Vec<Plain> {
    histograms_of(monitor.native_snapshot())
}

fn histograms_of(snapshot: Snapshot) -> Vec<Plain> {
    let metrics = snapshot.values.metrics;
    let children = metrics.into_iter().flat_map(|metric| metric.children);
    let histograms = children.filter_map(|child| match child.value {
        ChildValue::Histogram(histogram) => Some(histogram),
        _ => None,
    });
    histograms.collect()
}

fn native(monitor: Monitor) -> NativeBuckets {
    let mut histograms = histograms(monitor);
    assert_eq!(histograms.len(), 1);
    histograms.remove(0).native.expect("native buckets")
}

#[test]
fn the_same_observations_are_in_both_kinds_of_buckets() -> Tested {
    let monitor = monitor();
    let wait = MetricDesc::new("my_wait", "").native().unit("seconds");
    let wait = monitor.register_histogram(wait, &[0.25, 0.26, 10.0])?;
    for value in [
        0.0,
        1e-9,
        0.2,
        0.25,
        0.255,
        0.27,
        5e300,
        f64::NAN,
        -1.0,
        f64::INFINITY,
    ] {
        wait.observe(value);
    }
    let found = &histograms(monitor)[0];
    // 5e300 is 2^998.9. 0.255 and 0.27 are in one exponential bucket, from 0.25 to 0.2726, with a bound between them.
    assert_eq!(found.counts, [4, 1, 1, 1]);
    let native = found.native.as_ref().expect("native buckets");
    assert_eq!(native.zero, 2);
    assert_eq!(native.positive, [(-18, 1), (-16, 1), (-15, 2), (7992, 1)]);
    assert_eq!(native.negative, []);
    assert_eq!((native.schema, native.count()), (3, 7));
    assert_eq!((wait.count(), wait.sum()), (7, found.sum));
    // Native buckets where they are asked for; the others are the same.
    let classic = Plain {
        native: None,
        ..found.clone()
    };
    assert_eq!(histograms_of(monitor.snapshot()), [classic]);
    assert_eq!(monitor.snapshot().values.refused_observations, 3);
    Ok(())
}

#[test]
fn negative_values_have_buckets_of_their_own_where_the_first_bound_is_negative() -> Tested {
    let monitor = monitor();
    let drift = MetricDesc::new("my_drift", "").native();
    let drift = monitor.register_histogram(drift, &[-1.0, 1.0])?;
    for value in [-2.0, -1.0, -0.5, -1e-10, 1.0] {
        drift.observe(value);
    }
    let found = native(monitor);
    assert_eq!(found.negative, [(-8, 1), (0, 1), (8, 1)]);
    assert_eq!((found.zero, found.positive), (1, vec![(0, 1)]));
    assert_eq!(histograms(monitor)[0].counts, [2, 3, 0]);
    Ok(())
}

#[test]
fn text_pages_are_those_of_a_histogram_without() {
    let pages = [false, true].map(|is_native| {
        let monitor = monitor();
        let desc = MetricDesc::new("my_size", "Sizes.")
            .unit("bytes")
            .labels(["kind"]);
        let desc = if is_native { desc.native() } else { desc };
        let sizes = monitor
            .register_histogram(desc, &SIZE_BOUNDS)
            .expect("good");
        for n in 0..2000_u32 {
            sizes
                .with([(n % 3).to_string()])
                .observe(1.02_f64.powf(n.into()) - 1.0);
        }
        [Format::Text004, Format::OpenMetrics100].map(|format| lines(monitor, "my_", format))
    });
    assert!(pages[0][0].len() > 100);
    assert_eq!(pages[0], pages[1]);
}

#[test]
fn only_a_histogram_has_them_and_they_are_part_of_the_description() -> Tested {
    let monitor = monitor();
    let desc = || MetricDesc::new("my_jobs", "").native();
    let counter = monitor.register_counter(desc()).map(|_| ());
    let message =
        "`my_jobs_total` has native buckets: a counter cannot have them, only a histogram";
    assert_eq!(
        counter.map_err(|error| error.to_string()),
        Err(message.to_owned())
    );
    let gauge = monitor.register_gauge(desc().labels(["a"])).map(|_| ());
    let (name, kind) = ("my_jobs".to_owned(), "gauge");
    assert_eq!(gauge, Err(RegisterError::NotHistogram { name, kind }));
    assert!(monitor.snapshot().values.metrics.is_empty());

    monitor.register_histogram(desc(), &[1.0])?.observe(1.0);
    assert_eq!(monitor.register_histogram(desc(), &[1.0])?.count(), 1);
    let other = monitor.register_histogram(MetricDesc::new("my_jobs", ""), &[1.0]);
    let other = other.map(|_| ());
    let message = other.as_ref().map_err(ToString::to_string).err();
    let expected =
        "`my_jobs` is registered already with another kind of buckets: native, not classic";
    assert_eq!(message.as_deref(), Some(expected));
    let field = MetricField::Native;
    assert!(matches!(other, Err(RegisterError::Differs { field: found, .. }) if found == field));
    Ok(())
}

#[test]
fn a_removed_child_keeps_its_counts_and_any_observation_brings_it_back() -> Tested {
    let monitor = monitor();
    let wait = MetricDesc::new("my_wait", "").labels(["id"]).native();
    let wait = monitor.register_histogram(wait, &[0.25, 0.26])?;
    let handle = wait.with(["a"]);
    handle.observe(0.2);
    let mut count = 1;
    // Into the zero bucket, a block that is there, the cells of both bounds, and a range that no value was in before.
    for value in [0.0, 0.2, 0.255, 0.27, 1e9, 1e9, 1e300] {
        assert!(wait.remove(["a"]));
        assert_eq!(histograms(monitor), []);
        assert_eq!(handle.count(), count);
        handle.observe(value);
        count += 1;
        assert_eq!(native(monitor).count(), count, "{value}");
        assert_eq!(histograms(monitor)[0].count(), count, "{value}");
    }
    assert!(wait.remove(["a"]));
    drop(handle);
    assert_eq!(
        wait.with(["a"]).count(),
        0,
        "a child without a handle is freed"
    );
    assert_eq!(native(monitor), NativeBuckets::default());
    Ok(())
}

#[test]
fn an_idle_child_leaves_and_comes_back_with_its_counts() -> Tested {
    let (monitor, hand) = idling();
    let wait = MetricDesc::new("my_wait", "").labels(["id"]).native();
    let wait = monitor.register_histogram(wait, &[1.0])?;
    let held = wait.with(["held"]);
    held.observe(0.5);
    wait.with(["gone"]).observe(0.5);
    for _ in 0..3 {
        samples(monitor, "my_");
        hand.advance(Duration::from_secs(20));
    }
    assert_eq!(histograms(monitor), []);
    held.observe(1e6);
    assert_eq!(native(monitor).positive, [(-8, 1), (160, 1)]);
    Ok(())
}

#[test]
fn the_cells_of_a_child_are_freed_with_it() -> Tested {
    let monitor = monitor();
    let wait = MetricDesc::new("my_wait", "").labels(["id"]).native();
    let wait = monitor.register_histogram(wait, &[-1.0, 1.0])?;
    let round = || {
        let handle = wait.with(["a"]);
        for exponent in [-20, 0, 20, 400, 1000] {
            handle.observe(2_f64.powi(exponent));
            handle.observe(-2_f64.powi(exponent));
        }
        drop(handle);
        assert!(wait.remove(["a"]));
    };
    round();
    let info = allocation_counter::measure(round);
    assert!(info.bytes_total > 10 * 256, "{info:?}");
    assert_eq!(info.bytes_current, 0, "{info:?}");
    Ok(())
}

#[test]
fn an_observation_allocates_once_in_a_range_of_values() -> Tested {
    let monitor = monitor();
    let wait = MetricDesc::new("my_wait", "").native();
    let wait = monitor.register_histogram(wait, &[1.0])?;
    let observe = || {
        for n in 0..1000_u32 {
            wait.observe(f64::from(n) * 1e-4);
            wait.observe(1.0 + f64::from(n) * 1e-6);
        }
    };
    observe();
    assert_eq!(allocation_counter::measure(observe).count_total, 0);
    // Four powers of two are 32 cells of 8 bytes.
    let info = allocation_counter::measure(|| wait.observe(1e6));
    assert_eq!((info.count_total, info.bytes_total), (1, 256));
    Ok(())
}

#[test]
fn no_observation_is_lost_beside_removals_and_totals_are_equal_and_never_fall() -> Tested {
    const EACH: u32 = 10_000;
    let monitor = monitor();
    let wait = MetricDesc::new("my_wait", "").labels(["id"]).native();
    let wait = monitor.register_histogram(wait, &[0.25, 0.26, 100.0])?;
    let handle = wait.with(["a"]);
    thread::scope(|scope| {
        let observe = |seed: u32| {
            let handle = handle.clone();
            move || {
                for n in 0..EACH {
                    // Every so often into a range that is new.
                    handle
                        .observe(2_f64.powi(i32::try_from(n / 100 + seed).expect("small")) * 0.255);
                }
            }
        };
        let writers: Vec<_> = (0..3).map(|seed| scope.spawn(observe(seed))).collect();
        let mut before = Plain::empty(&[0.25, 0.26, 100.0].into());
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            wait.remove(["a"]);
            for found in histograms(monitor) {
                let native = found.native.as_ref().expect("native buckets");
                assert_eq!(native.count(), found.count());
                let pairs = found.counts.iter().zip(&before.counts);
                assert!(
                    pairs.clone().all(|(now, before)| now >= before),
                    "{found:?}"
                );
                before = found;
            }
        }
    });
    assert_eq!(handle.count(), u64::from(3 * EACH));
    wait.remove(["a"]);
    handle.observe(0.0);
    assert_eq!(native(monitor).count(), u64::from(3 * EACH) + 1);
    Ok(())
}

/// 600 bytes more than without native buckets, and 256 for each four powers of two.
#[test]
fn a_child_takes_as_much_memory_as_is_documented() {
    let monitor = monitor();
    let bytes = |name: &'static str, is_native: bool| {
        let desc = MetricDesc::new(name, "").labels(["id"]);
        let desc = if is_native { desc.native() } else { desc };
        let wait = monitor.register_histogram(desc, &TIME_BOUNDS);
        let wait = wait.expect("a good description");
        wait.with(["first"]).observe(1.0);
        let info = allocation_counter::measure(|| {
            let handle = wait.with(["second"]);
            // Within four powers of two.
            for value in [0.3, 0.6, 0.9] {
                handle.observe(value);
            }
        });
        info.bytes_current
    };
    let (classic, native) = (bytes("my_wait", false), bytes("my_native", true));
    assert!(
        (750..950).contains(&(native - classic)),
        "{native} {classic}"
    );
}
