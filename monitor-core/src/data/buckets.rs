//! Histogram bounds: the presets, and the search for the bucket of a duration.

use std::sync::{Arc, LazyLock};

/// Upper bounds of durations in seconds: the original's 47, and six below 10 ms because Rust services live there.
#[rustfmt::skip]
pub const TIME_BOUNDS: [f64; 53] = [
    0.0, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.02, 0.03, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0,
    15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 90.0, 120.0, 180.0, 240.0, 270.0, 300.0, 360.0,
    420.0, 480.0, 540.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0, 3600.0,
];

/// Upper bounds of sizes in bytes: the original's.
#[rustfmt::skip]
pub const SIZE_BOUNDS: [f64; 55] = [
    0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10_000.0, 15_000.0, 30_000.0, 150_000.0,
    300_000.0, 450_000.0, 600_000.0, 750_000.0, 900_000.0, 1_050_000.0, 1_200_000.0, 1_350_000.0, 1_500_000.0,
    1_800_000.0, 2_100_000.0, 2_400_000.0, 2_700_000.0, 3_000_000.0, 3_750_000.0, 4_500_000.0, 6_000_000.0,
    7_500_000.0, 9_000_000.0, 10_500_000.0, 12_000_000.0, 13_500_000.0, 15_000_000.0, 17_500_000.0, 20_000_000.0,
    25_000_000.0, 35_000_000.0, 50_000_000.0, 65_000_000.0, 80_000_000.0, 100_000_000.0, 120_000_000.0,
    140_000_000.0, 160_000_000.0, 200_000_000.0, 260_000_000.0, 360_000_000.0, 500_000_000.0, 750_000_000.0,
    1_000_000_000.0, 2_000_000_000.0,
];

/// [`TIME_BOUNDS`], shared.
pub(crate) fn time_bounds() -> Arc<[f64]> {
    static BOUNDS: LazyLock<Arc<[f64]>> = LazyLock::new(|| Arc::from(TIME_BOUNDS));
    Arc::clone(&BOUNDS)
}

/// [`SIZE_BOUNDS`], shared.
pub(crate) fn size_bounds() -> Arc<[f64]> {
    static BOUNDS: LazyLock<Arc<[f64]>> = LazyLock::new(|| Arc::from(SIZE_BOUNDS));
    Arc::clone(&BOUNDS)
}

/// Most buckets a histogram may have, the one above every bound included.
pub(crate) const MAX_BUCKETS: usize = if cfg!(all(test, monitor_loom)) { 2 } else { 64 };

/// Most buckets of durations: a method may have bounds of its own beside the common ones.
pub(crate) const MAX_DURATION_BUCKETS: usize = if cfg!(all(test, monitor_loom)) {
    MAX_BUCKETS
} else {
    2 * MAX_BUCKETS
};

/// Checks bounds that a method has beside the common ones.
///
/// # Panics
///
/// If there are none, if one is negative or not finite, if they do not increase, or if there are more than fit beside
/// the common ones. Called for a static, that is an error of the compiler.
pub(crate) const fn check_bounds(bounds: &[f64]) {
    assert!(!bounds.is_empty(), "there are no bounds");
    let (mut last, mut rest, mut own) = (-1.0, bounds, 0);
    while let [bound, after @ ..] = rest {
        assert!(
            bound.is_finite() && *bound >= 0.0,
            "a bound is negative or not finite"
        );
        assert!(last < *bound, "the bounds do not increase strictly");
        own += if is_common(*bound) { 0 } else { 1 };
        (last, rest) = (*bound, after);
    }
    assert!(
        own + TIME_BOUNDS.len() < 128,
        "there are more than 74 bounds beside the common ones"
    );
}

#[expect(clippy::float_cmp, reason = "the same bound, or another")]
const fn is_common(bound: f64) -> bool {
    let mut rest: &[f64] = &TIME_BOUNDS;
    while let [common, after @ ..] = rest {
        if *common == bound {
            return true;
        }
        rest = after;
    }
    false
}

/// The common bounds with a method's own among them: the common ones stay, for the histogram over all methods.
pub(crate) fn with_own_bounds(common: &[f64], own: &[f64]) -> Arc<[f64]> {
    let mut all: Vec<f64> = common.iter().chain(own).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all.truncate(MAX_DURATION_BUCKETS - 1);
    all.into()
}

/// Which histogram a value has: decided by its name, as in the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// The name holds `time`.
    Time,
    /// The name holds `size`.
    Size,
    /// Neither: means only.
    Plain,
}

impl ValueKind {
    pub(crate) fn of(name: &str) -> Self {
        if name.contains("time") {
            Self::Time
        } else if name.contains("size") {
            Self::Size
        } else {
            Self::Plain
        }
    }
}

/// Index of the bucket of a value: the first bound that is not below it, or one past the last.
pub(crate) fn bucket_of(bounds: &[f64], value: f64) -> usize {
    bounds
        .partition_point(|bound| *bound < value)
        .min(MAX_BUCKETS - 1)
}
