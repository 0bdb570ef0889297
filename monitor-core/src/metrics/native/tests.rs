//! Keys against their definition, and both kinds of buckets against counts of each observation.

#![allow(clippy::float_cmp, reason = "the numbers compared are exact")]

use std::collections::BTreeMap;
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::data::native::native_bound;
use crate::metrics::cells::bucket;

/// How a magnitude above 0 compares with 2^(numerator / 8): by its eighth power, in whole numbers of any length.
fn is_above(magnitude: f64, numerator: i32) -> bool {
    let bits = magnitude.to_bits();
    let (field, fraction) = (bits >> MANTISSA_BITS, bits & FRACTION);
    // magnitude = whole * 2^exponent
    let hidden = u64::from(field > 0) << MANTISSA_BITS;
    let exponent = i32::try_from(field.max(1)).expect("11 bits") - 1075;
    let mut power = vec![1_u32];
    for _ in 0..8 {
        power = times(&power, fraction | hidden);
    }
    // Eighth powers: power * 2^(8 exponent) > 2^numerator.
    let bits = numerator - 8 * exponent;
    let length = |digits: &[u32]| {
        let top = digits
            .iter()
            .rposition(|digit| *digit != 0)
            .expect("above 0");
        i32::try_from(top * 32).expect("short") + 32
            - i32::try_from(digits[top].leading_zeros()).expect("32 at most")
    };
    let is_power_of_two = power.iter().map(|digit| digit.count_ones()).sum::<u32>() == 1;
    // A number of `length` bits is at least 2^(length - 1), and that only if it is a power of two.
    match (length(&power) - 1).cmp(&bits) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => !is_power_of_two,
        std::cmp::Ordering::Less => false,
    }
}

/// The product of a number of any length and one of 53 bits.
fn times(digits: &[u32], by: u64) -> Vec<u32> {
    let mut product = vec![0_u64; digits.len() + 3];
    for (at, digit) in digits.iter().enumerate() {
        let mut carry = 0_u128;
        let low = u128::from(*digit) * u128::from(by);
        for (place, slot) in product[at..].iter_mut().enumerate() {
            let part = if place < 3 {
                (low >> (32 * place)) & 0xffff_ffff
            } else {
                0
            };
            carry += u128::from(*slot) + part;
            *slot = u64::try_from(carry & 0xffff_ffff).expect("32 bits");
            carry >>= 32;
        }
    }
    let digits = product
        .into_iter()
        .map(|digit| u32::try_from(digit).expect("32 bits"));
    digits.collect()
}

/// By the definition: the bucket with the magnitude above its lower bound and not above its upper one.
fn is_defined_key(value: f64, found: i32) -> bool {
    let magnitude = value.abs();
    if magnitude <= NATIVE_ZERO_THRESHOLD {
        return found == 0;
    }
    let index = found.abs() + ZERO_INDEX;
    (found < 0) == (value < 0.0)
        && native_bound(index - 1) < magnitude
        && magnitude <= native_bound(index)
}

/// Numbers next to every bound of an octave, and the octave's ends.
fn next_to_bounds(exponent: i32) -> Vec<f64> {
    let base = 2_f64.powi(exponent);
    let mut found = vec![base.next_down(), base, base.next_up()];
    for fraction in &FRACTIONS[..7] {
        let bits = base.to_bits() | fraction;
        found.extend([bits - 1, bits, bits + 1].map(f64::from_bits));
    }
    found
}

#[test]
fn a_key_is_the_bucket_of_the_definition_next_to_every_bound() {
    let mut highest = 0;
    for exponent in -30..=1023 {
        for value in next_to_bounds(exponent) {
            for value in [value, -value] {
                let found = key(value);
                assert!(is_defined_key(value, found), "{value:e}: {found}");
                highest = highest.max(found);
            }
        }
    }
    for value in [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, NATIVE_ZERO_THRESHOLD] {
        assert_eq!((key(value), key(-value)), (0, 0), "{value:e}");
    }
    assert_eq!(key(NATIVE_ZERO_THRESHOLD.next_up()), 1);
    // The greatest of all has a cell, which is the last of its power of two.
    assert_eq!((key(f64::MAX), key(f64::MIN)), (8384, -8384));
    let (group, ..) = Side::split(8383);
    assert_eq!(group, GROUPS - 1);
    assert!(highest <= 8384);
}

/// As Prometheus has them: two of each octave are not the nearest double.
#[test]
fn a_bound_is_its_power_of_two_but_for_the_last_two_bits() {
    for index in ZERO_INDEX..8192 {
        let bound = native_bound(index);
        assert!(!is_above(bound.next_down(), index), "{index}");
        assert!(is_above(bound.next_up().next_up(), index), "{index}");
        let is_power = bound.to_bits() & FRACTION == 0;
        assert_eq!(is_power, index % 8 == 0, "{index}");
    }
    assert_eq!(native_bound(8192), f64::INFINITY);
}

#[test]
fn the_oracle_knows_powers_of_two_and_their_neighbours() {
    for exponent in [-24, -1, 0, 1, 50] {
        let base = 2_f64.powi(exponent);
        assert!(!is_above(base, 8 * exponent) && is_above(base, 8 * exponent - 1));
        assert!(is_above(base.next_up(), 8 * exponent));
        assert!(!is_above(base.next_down(), 8 * exponent));
    }
    // 1.5^8 = 25.6, between 2^4 and 2^5.
    assert!(is_above(1.5, 4) && !is_above(1.5, 5));
}

/// Any finite number, each exponent as likely as every other one; often one of `special`.
fn number() -> impl Strategy<Value = f64> {
    let finite = any::<u64>()
        .prop_map(f64::from_bits)
        .prop_filter("finite", |value| value.is_finite());
    let near = (-40_i32..40, 0_usize..24, any::<bool>()).prop_map(|(exponent, at, is_negative)| {
        let value = next_to_bounds(exponent)[at];
        if is_negative { -value } else { value }
    });
    let durations = (-26.0..12.0_f64).prop_map(f64::exp2);
    prop_oneof![finite, near, durations, Just(0.0), Just(-0.0)]
}

fn bounds() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(number(), 0..40).prop_map(|mut bounds| {
        bounds.sort_unstable_by(f64::total_cmp);
        for bound in &mut bounds {
            *bound += 0.0;
        }
        bounds.dedup();
        bounds
    })
}

/// Bounds so close to each other that several are in one exponential bucket.
fn close_bounds() -> impl Strategy<Value = Vec<f64>> {
    (1_u32..40, number()).prop_map(|(count, base)| {
        let step = (base.abs() * 0.01).max(1e-9);
        let bounds = (0..count).map(|at| base + f64::from(at) * step);
        let mut bounds: Vec<f64> = bounds
            .filter(|bound| bound.is_finite())
            .map(|bound| bound + 0.0)
            .collect();
        bounds.dedup();
        bounds
    })
}

struct Observed {
    cells: NativeCells,
    bounds: Arc<[f64]>,
}

impl Observed {
    fn new(bounds: &[f64]) -> Self {
        let bounds = Arc::from(bounds);
        Self {
            cells: NativeCells::new(&bound_keys(&bounds)),
            bounds,
        }
    }

    fn observe(&self, value: f64) -> u64 {
        self.cells.observe(bucket(&self.bounds, value), value)
    }

    fn read(&self) -> (Vec<u64>, NativeBuckets) {
        let read = self.cells.read(&self.bounds, 0.0, BucketKind::Native);
        (read.counts, read.native.expect("it has them"))
    }
}

/// The exponential buckets of values by definition, at a schema: index by index.
fn expected(values: &[f64], schema: i8) -> NativeBuckets {
    let mut native = NativeBuckets {
        schema,
        ..NativeBuckets::default()
    };
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    for value in values {
        if value.abs() <= NATIVE_ZERO_THRESHOLD {
            native.zero += 1;
            continue;
        }
        let fine = f64::from(key(*value).abs() + ZERO_INDEX);
        let index = (fine / 2_f64.powi(i32::from(NATIVE_SCHEMA - schema))).ceil();
        #[allow(clippy::cast_possible_truncation, reason = "a whole number below 2^14")]
        let index = index as i32;
        *sides[usize::from(*value < 0.0)].entry(index).or_insert(0) += 1;
    }
    let [positive, negative] = sides.map(|side| side.into_iter().collect());
    NativeBuckets {
        positive,
        negative,
        ..native
    }
}

proptest! {
    #[test]
    fn a_key_is_the_bucket_of_the_definition(value in number()) {
        let found = key(value);
        prop_assert!(is_defined_key(value, found), "{value:e}: {found}");
    }

    #[test]
    fn keys_rise_with_the_number(one in number(), other in number()) {
        prop_assume!(one < other);
        prop_assert!(key(one) <= key(other));
    }

    #[test]
    fn both_kinds_of_buckets_are_those_of_the_values(
        bounds in prop_oneof![bounds(), close_bounds()],
        mut values in prop::collection::vec(number(), 0..300),
    ) {
        // On the bounds and next to them too.
        for bound in bounds.iter().step_by(3) {
            values.extend([bound.next_down(), *bound, bound.next_up()]);
        }
        values.retain(|value| value.is_finite());
        let observed = Observed::new(&bounds);
        for value in &values {
            prop_assert_eq!(observed.observe(*value) & HIDDEN, 0);
        }
        let (counts, native) = observed.read();
        let mut classic = vec![0; bounds.len() + 1];
        for value in &values {
            classic[bounds.iter().position(|bound| value <= bound).unwrap_or(bounds.len())] += 1;
        }
        prop_assert_eq!(&counts, &classic);
        prop_assert_eq!(&native, &expected(&values, native.schema));
        let buckets = native.positive.len() + native.negative.len();
        prop_assert!(buckets <= MAX_NATIVE_BUCKETS);
        // The finest one that has few enough.
        if native.schema < NATIVE_SCHEMA {
            let finer = expected(&values, native.schema + 1);
            prop_assert!(finer.positive.len() + finer.negative.len() > MAX_NATIVE_BUCKETS);
        }
        prop_assert_eq!(native.count(), counts.iter().sum::<u64>());
    }
}

#[test]
fn above_the_limit_of_buckets_pairs_become_one_and_stay_so() {
    let observed = Observed::new(&[]);
    let mut values = Vec::new();
    let mut observe = |exponent: f64| {
        values.push(exponent.exp2());
        observed.observe(exponent.exp2());
        let (counts, native) = observed.read();
        assert_eq!(native, expected(&values, native.schema));
        assert_eq!(native.count(), counts[0]);
        (native.schema, native.positive.len())
    };
    for at in 0..159 {
        observe(f64::from(at) / 8.0 - 0.0625);
    }
    assert_eq!(observe(159.0 / 8.0 - 0.0625), (3, 160));
    assert_eq!(observe(160.0 / 8.0 - 0.0625), (2, 81));
    assert_eq!(observe(0.5), (2, 81));
    // Every bucket of all there are.
    let observed = Observed::new(&[0.0]);
    for exponent in -24..1024 {
        for value in next_to_bounds(exponent) {
            observed.observe(value);
            observed.observe(-value);
        }
    }
    let (counts, native) = observed.read();
    assert_eq!(native.schema, -4);
    assert!(native.positive.len() + native.negative.len() <= MAX_NATIVE_BUCKETS);
    assert_eq!(native.count(), counts.iter().sum::<u64>());
}

#[test]
fn a_cell_that_is_made_while_hidden_says_so() {
    let observed = Observed::new(&[1.0]);
    assert_eq!(observed.observe(0.5) & HIDDEN, 0);
    observed.cells.hide();
    // Of a block that is there, of a new one, of a new side, of the bound, and the zero bucket.
    for value in [0.5, 1e30, -3.0, 1.05, 0.0] {
        assert_eq!(
            observed.observe(value),
            HIDDEN | u64::from(value == 0.5),
            "{value}"
        );
    }
    observed.cells.unhide();
    for value in [0.5, 1e30, -3.0, 1.05, 0.0, 1e-3] {
        assert_eq!(observed.observe(value) & HIDDEN, 0, "{value}");
    }
    let (counts, native) = observed.read();
    assert_eq!((native.count(), counts), (12, vec![8, 4]));
}

#[test]
fn readers_beside_writers_find_equal_totals_that_never_fall() {
    const EACH: u64 = 30_000;
    let observed = Observed::new(&[-1.0, 0.0, 0.001, 0.25, 0.26, 0.27, 1.0]);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..3_u64)
            .map(|thread| {
                let observed = &observed;
                scope.spawn(move || {
                    for n in 0..EACH {
                        // Over 30 powers of two of both signs, and between the close bounds.
                        let spread = u32::try_from((n * 7 + thread) % 30).expect("small");
                        let value = match n % 4 {
                            0 => 0.25 + f64::from(spread) * 0.001,
                            1 => -(f64::from(spread) - 15.0).exp2(),
                            2 => (f64::from(spread) - 20.0).exp2() * 1.3,
                            _ => 0.0,
                        };
                        observed.observe(value);
                    }
                })
            })
            .collect();
        let mut seen: (Vec<u64>, u64) = (vec![0; 8], 0);
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            let (counts, native) = observed.read();
            assert_eq!(native.count(), counts.iter().sum::<u64>());
            assert!(native.count() >= seen.1);
            assert!(
                counts
                    .iter()
                    .zip(&seen.0)
                    .all(|(now, before)| now >= before)
            );
            seen = (counts, native.count());
        }
    });
    assert_eq!(observed.read().1.count(), 3 * EACH);
}
