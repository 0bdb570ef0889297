//! Observations by exponential bucket, as a native histogram of Prometheus has them.
//!
//! # Definition
//!
//! Of schema `s`, bucket `i` holds the values above `2^((i - 1) / 2^s)` up to and including `2^(i / 2^s)`; the buckets of
//! negative values mirror those. Values of a magnitude up to the zero threshold are in the zero bucket. (Source: the
//! specification of native histograms, prometheus.io/docs/specs/native_histograms.)

/// The schema of calls: eight buckets for each power of two, each 9 % wide.
pub const NATIVE_SCHEMA: i8 = 3;

/// The zero threshold of calls: 2^-24, which is 60 ns for durations in seconds.
pub const NATIVE_ZERO_THRESHOLD: f64 = 1.0 / 16_777_216.0;

/// The upper bounds of a schema of 3 within [0.5, 1): `2^(k / 8 - 1)`, as Prometheus has them
/// (`model/histogram/generic.go`).
const OCTAVE: [f64; 8] = [
    0.5,
    0.545_253_866_332_628_8,
    0.594_603_557_501_360_5,
    0.648_419_777_325_504_8,
    0.707_106_781_186_547_5,
    0.771_105_412_703_970_4,
    0.840_896_415_253_714_4,
    0.917_004_043_204_671_1,
];

/// The upper bound of bucket `index` of a schema of 3: `2^(index / 8)`.
pub(crate) fn native_bound(index: i32) -> f64 {
    let [octave, step] = [index.div_euclid(8), index.rem_euclid(8)];
    OCTAVE[usize::try_from(step).unwrap_or(0)] * 2_f64.powi(octave + 1)
}

/// Counts by exponential bucket, without the empty ones.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NativeBuckets {
    /// The resolution: `2^schema` buckets for each power of two.
    pub schema: i8,
    /// The greatest magnitude in the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero: u64,
    /// The buckets of positive values that are not empty, by index, in ascending order.
    pub positive: Vec<(i32, u64)>,
    /// The same of negative values.
    pub negative: Vec<(i32, u64)>,
}

impl Default for NativeBuckets {
    fn default() -> Self {
        Self {
            schema: NATIVE_SCHEMA,
            zero_threshold: NATIVE_ZERO_THRESHOLD,
            zero: 0,
            positive: Vec::new(),
            negative: Vec::new(),
        }
    }
}

impl NativeBuckets {
    /// Number of observations.
    pub fn count(&self) -> u64 {
        let buckets = self.positive.iter().chain(&self.negative);
        self.zero + buckets.map(|(_, count)| count).sum::<u64>()
    }
}
