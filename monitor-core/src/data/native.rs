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
