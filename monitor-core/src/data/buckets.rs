//! Buckets of histograms: the bounds that pages show by default, those that calls are counted by, and how the first are
//! made of the second.
//!
//! Calls are counted in *cells*, which are finer than the buckets of a page: both profiles' default bounds are among
//! them, so one storage can be shown under either, and the recording path asks for no profile. A page sums up cells
//! ([`ShownBuckets`]), which is exact, as each bound of a bucket is a bound of a cell.
//!
//! The settings `buckets` and `size_buckets` ([`Buckets`]) replace the default bounds on the page, and the bounds of
//! all cells that are made from then on. Cells are made as a method's first call starts, or as a key is first observed.
//! Those made before stay: a page leaves out the bounds they lack.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use crate::data::catalog::Profile;

/// Upper bounds of durations on pages of the profile `servicekit`, in seconds: the original's 47, and six below 10 ms
/// because Rust services live there.
#[rustfmt::skip]
pub const TIME_BOUNDS: [f64; 53] = [
    0.0, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.02, 0.03, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0,
    15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 90.0, 120.0, 180.0, 240.0, 270.0, 300.0, 360.0,
    420.0, 480.0, 540.0, 600.0, 900.0, 1200.0, 1500.0, 1800.0, 3600.0,
];

/// Upper bounds of sizes on pages of the profile `servicekit`, in bytes: the original's.
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

/// Upper bounds of durations on pages of the profile `prometheus`, in seconds: the default of the setting `buckets`.
/// The 11 that the client libraries of Prometheus have, from 5 ms to 10 s, and four below them.
pub const DEFAULT_BUCKETS: [f64; 15] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Upper bounds of sizes on pages of the profile `prometheus`, in bytes: the default of the setting `size_buckets`. 1
/// and 5 of each power of ten from 100 B to 1 GB: no bucket is wider than five times its lower bound, and most of the
/// bounds are among [`SIZE_BOUNDS`], so that few cells are added.
pub const DEFAULT_SIZE_BUCKETS: [f64; 15] = [
    100.0, 500.0, 1e3, 5e3, 1e4, 5e4, 1e5, 5e5, 1e6, 5e6, 1e7, 5e7, 1e8, 5e8, 1e9,
];

/// Upper bounds that are on the page in place of the default ones: 1 to 100, finite, not negative, each above the one
/// before it; `+Inf` is always there.
///
/// # Examples
///
/// ```
/// use monitor_core::StorageConfig;
/// use monitor_core::config::{Buckets, BucketsError};
///
/// let mut config = StorageConfig::default();
/// config.buckets = Some(Buckets::try_new([0.1, 0.5, 2.0])?);
/// assert!(Buckets::try_new([0.5, 0.1]).is_err());
/// # Ok::<(), BucketsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets(Arc<[f64]>);

/// Why bounds cannot be [`Buckets`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketsError {
    /// There are none, or more than 100.
    #[error("there are {count} bounds; expected 1 to 100")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A bound is negative, infinite or NaN, or not above the one before it.
    #[error(
        "the bound {bound} at index {index} is not a finite number from 0 on and above the one before it"
    )]
    Bound {
        /// Its index.
        index: usize,
        /// The bound.
        bound: f64,
    },
}

impl Buckets {
    /// Most bounds there may be.
    const MOST: usize = 100;

    /// Checks and keeps bounds.
    ///
    /// # Errors
    ///
    /// [`BucketsError`] names the first bound that cannot be one.
    pub fn try_new(bounds: impl IntoIterator<Item = f64>) -> Result<Self, BucketsError> {
        // A zero has no sign: Prometheus 3 stores `-0.0` under another label value than it reads.
        let bounds: Vec<f64> = bounds.into_iter().map(|bound| bound + 0.0).collect();
        let is_good = |at: usize| {
            let above = at
                .checked_sub(1)
                .is_none_or(|before| bounds[before] < bounds[at]);
            bounds[at].is_finite() && bounds[at] >= 0.0 && above
        };
        if let Some(index) = (0..bounds.len()).find(|at| !is_good(*at)) {
            let bound = bounds[index];
            return Err(BucketsError::Bound { index, bound });
        }
        let count = bounds.len();
        if !(1..=Self::MOST).contains(&count) {
            return Err(BucketsError::Count { count });
        }
        Ok(Self(bounds.into()))
    }
}

impl Deref for Buckets {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.0
    }
}

/// Bounds of times and of sizes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BoundsByKind {
    /// Seconds.
    pub(crate) time: Arc<[f64]>,
    /// Bytes.
    pub(crate) size: Arc<[f64]>,
}

impl BoundsByKind {
    /// The default ones on pages of a profile.
    fn shown_by(profile: Profile) -> &'static Self {
        static SERVICEKIT: LazyLock<BoundsByKind> = LazyLock::new(|| BoundsByKind {
            time: Arc::from(TIME_BOUNDS),
            size: Arc::from(SIZE_BOUNDS),
        });
        static PROMETHEUS: LazyLock<BoundsByKind> = LazyLock::new(|| BoundsByKind {
            time: Arc::from(DEFAULT_BUCKETS),
            size: Arc::from(DEFAULT_SIZE_BUCKETS),
        });
        match profile {
            Profile::Servicekit => &SERVICEKIT,
            Profile::Prometheus => &PROMETHEUS,
        }
    }

    /// Those on pages of a profile, where these settings are in force.
    pub(crate) fn wanted(profile: Profile, time: Option<&Buckets>, size: Option<&Buckets>) -> Self {
        Self::shown_by(profile).replaced(time, size)
    }

    /// Those of the cells that are made where these settings are in force.
    pub(crate) fn of_cells(time: Option<&Buckets>, size: Option<&Buckets>) -> Self {
        static DEFAULT: LazyLock<BoundsByKind> = LazyLock::new(|| {
            let [one, other] = Profile::ALL.map(BoundsByKind::shown_by);
            BoundsByKind {
                time: union(&one.time, &other.time),
                size: union(&one.size, &other.size),
            }
        });
        DEFAULT.replaced(time, size)
    }

    fn replaced(&self, time: Option<&Buckets>, size: Option<&Buckets>) -> Self {
        let or = |own: Option<&Buckets>, bounds| Arc::clone(own.map_or(bounds, |own| &own.0));
        Self {
            time: or(time, &self.time),
            size: or(size, &self.size),
        }
    }

    /// Each with its kind.
    pub(crate) fn by_kind(&self) -> [(HistogramKind, Arc<[f64]>); 2] {
        [HistogramKind::Time, HistogramKind::Size]
            .map(|kind| (kind, self.of(kind).cloned().unwrap_or_default()))
    }

    /// Those of a kind of values; none of a kind that has no histogram.
    pub(crate) fn of(&self, kind: HistogramKind) -> Option<&Arc<[f64]>> {
        match kind {
            HistogramKind::Time => Some(&self.time),
            HistogramKind::Size => Some(&self.size),
            HistogramKind::Plain => None,
        }
    }
}

/// The default bounds of a profile's pages that are shared by all histograms, for texts that are kept of them.
pub(crate) fn presets() -> impl Iterator<Item = &'static Arc<[f64]>> {
    let of_profiles = Profile::ALL.into_iter().map(BoundsByKind::shown_by);
    of_profiles.flat_map(|shown| [&shown.time, &shown.size])
}

/// All of these bounds, sorted, each once.
pub(crate) fn union(common: &Arc<[f64]>, own: &[f64]) -> Arc<[f64]> {
    if own.is_empty() {
        return Arc::clone(common);
    }
    // A zero has no sign, as in `Buckets`.
    let mut all: Vec<f64> = common.iter().chain(own).map(|bound| bound + 0.0).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all.into()
}

/// The buckets that a page shows of a histogram's cells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ShownBuckets {
    /// Upper bounds, without `+Inf`; all are bounds of cells.
    pub(crate) bounds: Arc<[f64]>,
    /// For each bucket, that above all bounds included, one past the index of its last cell.
    pub(crate) ends: Box<[usize]>,
}

impl ShownBuckets {
    /// The wanted bounds and the method's own, but for those that no cell has.
    pub(crate) fn new(cells: &[f64], wanted: &Arc<[f64]>, own: &[f64]) -> Self {
        let place = |bound: &f64| cells.binary_search_by(|cell| cell.total_cmp(bound));
        let mut bounds = union(wanted, own);
        if bounds.iter().any(|bound| place(bound).is_err()) {
            let kept = bounds.iter().copied().filter(|bound| place(bound).is_ok());
            bounds = kept.collect();
        }
        let ends = bounds
            .iter()
            .map(|bound| place(bound).map_or(0, |at| at + 1));
        Self {
            ends: ends.chain([cells.len() + 1]).collect(),
            bounds,
        }
    }

    /// The bucket that a cell is part of.
    pub(crate) fn bucket_of_cell(&self, cell: usize) -> usize {
        self.ends.partition_point(|end| *end <= cell)
    }
}

/// Which histogram a value has: decided by its name, as in the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistogramKind {
    /// The name holds `time`.
    Time,
    /// The name holds `size`.
    Size,
    /// Neither: means only.
    Plain,
}

impl HistogramKind {
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

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_methods_own_zero_has_no_sign() {
        let common = Arc::from(TIME_BOUNDS);
        let bounds = union(&common, &[-0.0, 0.7]);
        assert!(bounds.iter().all(|bound| bound.is_sign_positive()));
        assert_eq!(bounds.first(), Some(&0.0));
    }

    #[test]
    fn cells_have_the_bounds_of_both_profiles() {
        let cells = BoundsByKind::of_cells(None, None);
        for profile in Profile::ALL {
            let wanted = BoundsByKind::wanted(profile, None, None);
            for (cells, wanted) in [(&cells.time, &wanted.time), (&cells.size, &wanted.size)] {
                assert_eq!(ShownBuckets::new(cells, wanted, &[]).bounds, *wanted);
            }
        }
    }

    #[test]
    fn bounds_that_no_cell_has_are_left_out_and_each_cell_is_in_one_bucket() {
        let cells = [1.0, 2.0, 3.0, 4.0];
        let shown = ShownBuckets::new(&cells, &Arc::from([0.5, 2.0]), &[4.0]);
        assert_eq!(*shown.bounds, [2.0, 4.0]);
        assert_eq!(*shown.ends, [2, 4, 5]);
        let buckets: Vec<usize> = (0..5).map(|cell| shown.bucket_of_cell(cell)).collect();
        assert_eq!(buckets, [0, 0, 1, 1, 2]);
    }

    #[test]
    fn the_first_bound_that_cannot_be_one_is_named() {
        let refused = |bounds: &[f64]| Buckets::try_new(bounds.iter().copied()).err();
        assert_eq!(refused(&[0.0, 1.0]), None);
        assert_eq!(refused(&[]), Some(BucketsError::Count { count: 0 }));
        let many: Vec<f64> = (0..101).map(f64::from).collect();
        assert_eq!(refused(&many[..100]), None);
        assert_eq!(refused(&many), Some(BucketsError::Count { count: 101 }));
        for bad in [-1.0, 1.0, 0.5, f64::INFINITY] {
            let (index, bound) = (1, bad);
            assert_eq!(
                refused(&[1.0, bad]),
                Some(BucketsError::Bound { index, bound })
            );
        }
        assert!(refused(&[f64::NAN]).is_some());
    }
}
