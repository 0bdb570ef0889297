//! Observations by exponential bucket, as a native histogram of Prometheus has them.
//!
//! # Definition
//!
//! Of schema `s`, bucket `i` holds the values above `2^((i - 1) / 2^s)` up to and including `2^(i / 2^s)`; the buckets of
//! negative values mirror those. Values of a magnitude up to the zero threshold are in the zero bucket. (Source: the
//! specification of native histograms, <https://prometheus.io/docs/specs/native_histograms>.)
//!
//! A bucket of schema `s` is the union of two of schema `s + 1`, so histograms of two schemas add up under the coarser
//! one. A zero bucket can be widened, but only up to the end of a bucket: a threshold inside one is moved there.

use std::cmp::Ordering;

/// The schema of calls: eight buckets for each power of two, each 9 % wide.
pub const NATIVE_SCHEMA: i8 = 3;

/// The zero threshold of calls: 2^-24, which is 60 ns for durations in seconds.
pub const NATIVE_ZERO_THRESHOLD: f64 = 1.0 / 16_777_216.0;

/// The schemas of exponential buckets (the specification, "Schema").
const SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;

/// No bucket of any float has a greater index, nor one below its negative: of schema 8 there are 256 a power of two,
/// and the smallest float is 2^-1074.
const MAX_INDEX: u32 = 256 * 1075;

/// The upper bounds of a schema of 3 within [0.5, 1): `2^(k / 8 - 1)`, as Prometheus has them
/// (`model/histogram/generic.go`).
pub(crate) const OCTAVE: [f64; 8] = [
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
    // Doubled first: in the last octave the power alone would be infinite.
    2.0 * OCTAVE[usize::try_from(step).unwrap_or(0)] * power_of_two(octave)
}

/// `2^exponent`. Where the double is a normal one, without a call of `powi`.
fn power_of_two(exponent: i32) -> f64 {
    match u64::try_from(exponent.saturating_add(1023)) {
        Ok(bits @ 1..=2046) => f64::from_bits(bits << 52),
        _ => 2_f64.powi(exponent),
    }
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

    /// Adds the observations of another histogram. The sum has the coarser schema of the two and the greater zero
    /// threshold, which grows to the end of the bucket that it lies in, if that is not empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::family::NativeBuckets;
    ///
    /// let mut one = NativeBuckets::default();
    /// one.positive = vec![(-3, 1), (0, 4)];
    /// let mut other = NativeBuckets::default();
    /// other.schema = 2;
    /// other.positive = vec![(-1, 2)];
    /// one.merge(&other);
    /// assert_eq!((one.schema, one.positive), (2, vec![(-1, 3), (0, 4)]));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        if self.is_alike(other) {
            self.add(other);
            return;
        }
        let mut other = other.clone();
        let schema = self.schema.min(other.schema);
        for finer in [&mut *self, &mut other] {
            while finer.schema > schema {
                finer.coarsen();
            }
        }
        loop {
            let threshold = self.zero_threshold.max(other.zero_threshold);
            self.widen_zero(threshold);
            other.widen_zero(threshold);
            // Either may have gone beyond it. Not `!=`: that is true for ever where one is NaN.
            let (one, other) = (self.zero_threshold, other.zero_threshold);
            if !(one < other || other < one) {
                break;
            }
        }
        self.add(&other);
    }

    /// The sum of histograms; `None` if one of them is missing, or there are none.
    pub(crate) fn sum<'a, I>(all: I) -> Option<Self>
    where
        I: IntoIterator<Item = Option<&'a Self>>,
        I::IntoIter: Clone,
    {
        let all = all.into_iter();
        let first = all.clone().next()??;
        if all.clone().any(|one| one.is_none()) {
            return None;
        }
        let all = all.flatten();
        if all.clone().all(|one| one.is_alike(first)) {
            return Some(Self {
                zero: all.clone().map(|one| one.zero).sum(),
                positive: added_up(all.clone().map(|one| &*one.positive)),
                negative: added_up(all.map(|one| &*one.negative)),
                ..*first
            });
        }
        all.cloned().reduce(|mut sum, one| {
            sum.merge(&one);
            sum
        })
    }

    /// Whether a bucket of the one is a bucket of the other.
    fn is_alike(&self, other: &Self) -> bool {
        self.schema == other.schema
            && self.zero_threshold.partial_cmp(&other.zero_threshold) == Some(Ordering::Equal)
    }

    /// Halves the resolution: each bucket becomes one with its neighbour.
    pub(crate) fn coarsen(&mut self) {
        self.schema = self.schema.saturating_sub(1);
        for buckets in [&mut self.positive, &mut self.negative] {
            for (index, _) in &mut *buckets {
                // Half the index, rounded up.
                *index = (index.saturating_sub(1) >> 1) + 1;
            }
            buckets.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                if is_same {
                    kept.1 += next.1;
                }
                is_same
            });
        }
    }

    /// Whether a reader takes it as it stands, beside classic buckets of this count: Prometheus refuses the whole page
    /// for a histogram whose buckets do not add up.
    pub(crate) fn is_valid(&self, count: u64) -> bool {
        let sides = [&self.positive, &self.negative];
        SCHEMAS.contains(&self.schema)
            && self.zero_threshold.is_finite()
            && self.zero_threshold >= 0.0
            && sides.into_iter().all(|buckets| {
                buckets.is_sorted_by(|one, next| one.0 < next.0)
                    && buckets
                        .iter()
                        .all(|(index, _)| index.unsigned_abs() <= MAX_INDEX)
            })
            && self.count() == count
    }

    /// Adds buckets of the same schema and zero threshold.
    fn add(&mut self, other: &Self) {
        self.zero += other.zero;
        add_buckets(&mut self.positive, &other.positive);
        add_buckets(&mut self.negative, &other.negative);
    }

    /// Moves the buckets that begin below a threshold to the zero bucket.
    fn widen_zero(&mut self, threshold: f64) {
        let scale = (-f64::from(self.schema)).exp2();
        let upper = |index: i32| (f64::from(index) * scale).exp2();
        let mut end = threshold;
        loop {
            let before = end;
            for buckets in [&mut self.positive, &mut self.negative] {
                let inside = buckets.partition_point(|(at, _)| upper(at.saturating_sub(1)) < end);
                for (at, count) in buckets.drain(..inside) {
                    self.zero += count;
                    end = end.max(upper(at));
                }
            }
            // What one side moved may reach into the other.
            if end <= before || end.is_nan() {
                break;
            }
        }
        self.zero_threshold = self.zero_threshold.max(end);
    }
}

/// Most indices of a table of counts: those of all buckets of a schema of 3, and more.
const TABLE: usize = 1 << 15;

/// The sum of lists of counts by index: in a table, as the lists may be thousands.
fn added_up<'a>(lists: impl Iterator<Item = &'a [(i32, u64)]> + Clone) -> Vec<(i32, u64)> {
    let lower = lists.clone().filter_map(|list| list.first());
    let upper = lists.clone().filter_map(|list| list.last());
    let least = lower.map(|one| one.0).min();
    let ends = least.zip(upper.map(|one| one.0).max());
    let Some((least, most)) = ends else {
        return Vec::new();
    };
    let place = |index: i32| usize::try_from(i64::from(index) - i64::from(least)).ok();
    let Some(width) = place(most).filter(|width| *width < TABLE) else {
        let mut sum = Vec::new();
        lists.for_each(|list| add_buckets(&mut sum, list));
        return sum;
    };
    let mut table = vec![0; width + 1];
    for (index, count) in lists.flatten() {
        // None where a list is not in ascending order: it is then found not to add up.
        if let Some(sum) = place(*index).and_then(|at| table.get_mut(at)) {
            *sum += count;
        }
    }
    let sums = (least..).zip(table);
    sums.filter(|(_, count)| *count > 0).collect()
}

/// Adds counts by index to others; both in ascending order.
fn add_buckets(to: &mut Vec<(i32, u64)>, from: &[(i32, u64)]) {
    let mut at = 0;
    for (done, (index, count)) in from.iter().enumerate() {
        at += to[at..]
            .iter()
            .take_while(|(known, _)| known < index)
            .count();
        match to.get_mut(at) {
            Some((known, sum)) if known == index => *sum += count,
            // One is missing: the rest is merged into a new list.
            _ => {
                let rest = to.split_off(at);
                to.extend(merged(&rest, &from[done..]));
                return;
            }
        }
    }
}

/// Both lists as one, in ascending order.
fn merged(one: &[(i32, u64)], other: &[(i32, u64)]) -> impl Iterator<Item = (i32, u64)> {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (one.peek(), other.peek()) {
            (Some(one), Some(other)) => one.0.cmp(&other.0),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => one.next().copied(),
            Ordering::Greater => other.next().copied(),
            Ordering::Equal => {
                let (index, count) = *one.next()?;
                Some((index, count + other.next()?.1))
            }
        }
    })
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Counts = Vec<(i32, u64)>;

    fn any_counts() -> impl Strategy<Value = Counts> {
        let counts = prop::collection::btree_map(-60..60_i32, 1..5_u64, 0..12);
        counts.prop_map(|counts| counts.into_iter().collect())
    }

    prop_compose! {
        fn any_native()(schema in -2..5_i8, power in -20..3_i32, zero in 0..4_u64, positive in any_counts(), negative in any_counts())
            -> NativeBuckets
        {
            let zero_threshold = f64::from(power).exp2();
            let mut native = NativeBuckets { schema, zero_threshold: 0.0, zero, positive, negative };
            native.widen_zero(zero_threshold);
            native
        }
    }

    /// A value inside of a bucket.
    fn inside(schema: i8, index: i32) -> f64 {
        ((f64::from(index) - 0.5) / f64::from(schema).exp2()).exp2()
    }

    /// By the definition alone: each observation is put where the result's schema and threshold want it.
    fn counted_anew(parts: [&NativeBuckets; 2], schema: i8, threshold: f64) -> NativeBuckets {
        let (mut zero, mut sides) = (0, [BTreeMap::new(), BTreeMap::new()]);
        for part in parts {
            zero += part.zero;
            for (side, buckets) in sides.iter_mut().zip([&part.positive, &part.negative]) {
                for (index, count) in buckets {
                    let value = inside(part.schema, *index);
                    if value <= threshold {
                        zero += count;
                    } else {
                        let index = (value.log2() * f64::from(schema).exp2()).ceil();
                        #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
                        let index = index as i32;
                        *side.entry(index).or_insert(0) += count;
                    }
                }
            }
        }
        let [positive, negative] = sides.map(|side| side.into_iter().collect());
        NativeBuckets {
            schema,
            zero_threshold: threshold,
            zero,
            positive,
            negative,
        }
    }

    proptest! {
        #[test]
        fn a_sum_has_each_observation_where_the_definition_puts_it(one in any_native(), other in any_native()) {
            let mut sum = one.clone();
            sum.merge(&other);
            prop_assert_eq!(sum.schema, one.schema.min(other.schema));
            prop_assert!(sum.zero_threshold >= one.zero_threshold.max(other.zero_threshold));
            prop_assert!(sum.is_valid(one.count() + other.count()));
            let expected = counted_anew([&one, &other], sum.schema, sum.zero_threshold);
            prop_assert_eq!(&sum, &expected);
            let mut turned = other.clone();
            turned.merge(&one);
            prop_assert_eq!(turned, sum);
        }
    }

    proptest! {
        #[test]
        fn a_sum_of_many_is_that_of_one_after_the_other(all in prop::collection::vec(any_native(), 1..6), alike in any::<bool>(), far in any::<bool>()) {
            let mut all = all;
            for one in &mut all {
                if alike {
                    (one.schema, one.zero_threshold) = (3, 0.0);
                }
                if far {
                    one.positive.push((270_000, 1));
                }
            }
            let mut sum = all[0].clone();
            all[1..].iter().for_each(|one| sum.merge(one));
            prop_assert_eq!(NativeBuckets::sum(all.iter().map(Some)), Some(sum));
            let with_none = all.iter().map(Some).chain([None]);
            prop_assert_eq!(NativeBuckets::sum(with_none), None);
        }
    }

    #[test]
    fn a_threshold_is_moved_to_the_end_of_the_bucket_it_lies_in() {
        let mut native = NativeBuckets {
            schema: 0,
            zero_threshold: 0.5,
            // (1, 2] and (2, 4]; mirrored (2, 4] and (8, 16].
            positive: vec![(1, 10), (2, 20)],
            negative: vec![(2, 30), (4, 40)],
            ..NativeBuckets::default()
        };
        native.widen_zero(1.5);
        assert_eq!((native.zero_threshold, native.zero), (2.0, 10));
        native.widen_zero(3.0);
        assert_eq!((native.zero_threshold, native.zero), (4.0, 60));
        assert_eq!(
            (&*native.positive, &*native.negative),
            (&[][..], &[(4, 40)][..])
        );
    }

    #[test]
    fn a_sum_of_none_or_with_a_missing_one_is_none() {
        let one = NativeBuckets::default();
        assert_eq!(NativeBuckets::sum([]), None);
        assert_eq!(NativeBuckets::sum([Some(&one), None]), None);
        assert_eq!(NativeBuckets::sum([Some(&one), Some(&one)]), Some(one));
    }

    #[test]
    fn hostile_fields_neither_hang_nor_panic_and_are_not_valid() {
        let bad = |change: fn(&mut NativeBuckets)| {
            let mut native = NativeBuckets {
                positive: vec![(1, 1), (2, 1)],
                ..NativeBuckets::default()
            };
            assert!(native.is_valid(2) && !native.is_valid(3));
            change(&mut native);
            assert!(!native.is_valid(2), "{native:?}");
            let mut sum = NativeBuckets::default();
            sum.merge(&native);
            native.merge(&NativeBuckets::default());
        };
        bad(|native| native.zero_threshold = f64::NAN);
        bad(|native| native.zero_threshold = f64::INFINITY);
        bad(|native| native.zero_threshold = -1.0);
        bad(|native| native.schema = i8::MAX);
        bad(|native| native.schema = i8::MIN);
        bad(|native| native.positive = vec![(2, 1), (1, 1)]);
        bad(|native| native.positive = vec![(1, 1), (1, 1)]);
        bad(|native| native.positive = vec![(i32::MIN, 1), (i32::MAX, 1)]);
    }
}
