//! Numbers with as many digits as a table draws: a whole number times a power of ten, in 32 bits.
//!
//! A table that is read every 2 s has rates and quantiles that move each time, most of them by less than what is drawn. So a cell has
//! no more digits than a reader sees, and two cells that look alike are alike: such a cell need not be sent again.
//!
//! | number | digits |
//! |---|---|
//! | duration from buckets, ratio | two |
//! | age | three below a second, two below a minute, then whole seconds |
//! | rate | whole from 10 on (three digits from 1,000 on), one decimal from 1 on, two from 0.1 on, below that two digits |
//! | share | hundredths; thousandths below 0.1 and above 0.99; ten-thousandths below 0.01; below 0.0001 two digits. 0 only of none, 1 only of all |

use serde_json::Value;

/// A number as it is drawn, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short(u32);

/// Bits of the whole number; the other 12 are the exponent and [`BIAS`].
const MANTISSA_BITS: u32 = 20;
const BIAS: i32 = 1024;

/// What is less is 0: no clock, and no share of calls, gives such a number.
const LEAST: f64 = 1e-20;

impl Short {
    /// What is not known.
    pub(super) const NONE: Self = Self(u32::MAX);

    /// A duration that was read from buckets, or a ratio.
    pub(super) fn duration(value: Option<f64>) -> Self {
        value.map_or(Self::NONE, |value| Self::significant(value, 2))
    }

    /// The age of a call.
    pub(super) fn age(value: Option<f64>) -> Self {
        match value {
            None => Self::NONE,
            Some(value) if value < 1.0 => Self::significant(value, 3),
            Some(value) if value < 60.0 => Self::significant(value, 2),
            Some(value) if value < 1e6 => Self::decimals(value, 0),
            Some(value) => Self::significant(value, 4),
        }
    }

    /// Calls a second, or another number of which more than two digits are of use only above 100.
    pub(super) fn rate(value: f64) -> Self {
        match value {
            value if value >= 1000.0 => Self::significant(value, 3),
            value if value >= 10.0 => Self::decimals(value, 0),
            value if value >= 1.0 => Self::decimals(value, 1),
            value if value >= 0.1 => Self::decimals(value, 2),
            value => Self::significant(value, 2),
        }
    }

    /// A share from 0 to 1.
    pub(super) fn share(value: Option<f64>) -> Self {
        match value {
            None => Self::NONE,
            Some(value) if value < 0.0001 => Self::significant(value, 2),
            Some(value) if value < 0.01 => Self::decimals(value, 4),
            Some(value) if value < 0.1 => Self::decimals(value, 3),
            Some(value) if value >= 1.0 => Self::decimals(1.0, 0),
            // Not all.
            Some(value) if value > 0.99 => Self::decimals(value.min(0.999), 3),
            Some(value) => Self::decimals(value, 2),
        }
    }

    /// With so many significant digits, at most six; what is no number above 0 is 0, or none.
    fn significant(value: f64, digits: i32) -> Self {
        if !value.is_finite() {
            return Self::NONE;
        }
        if value < LEAST {
            return Self::packed(0, 0);
        }
        // From -20 to 308.
        #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
        let first = value.log10().floor() as i32;
        Self::decimals(value, digits - 1 - first)
    }

    /// With so many decimals.
    fn decimals(value: f64, places: i32) -> Self {
        if !value.is_finite() {
            return Self::NONE;
        }
        let scaled = value * 10f64.powi(places);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and NaN is 0"
        )]
        let whole = scaled.round().max(0.0) as u32;
        Self::packed(whole, -places)
    }

    /// The same number always has the same bits: without zeros at the end.
    fn packed(mut whole: u32, mut exponent: i32) -> Self {
        if whole == 0 {
            return Self((BIAS.unsigned_abs()) << MANTISSA_BITS);
        }
        while whole.is_multiple_of(10) || whole >> MANTISSA_BITS != 0 {
            whole /= 10;
            exponent += 1;
        }
        let exponent = exponent + BIAS;
        Self(exponent.unsigned_abs() << MANTISSA_BITS | whole)
    }

    /// The number as JSON.
    pub(super) fn json(self) -> Value {
        let mut text = Vec::new();
        self.write(&mut text);
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Its bits, by which it is compared.
    pub(super) fn bits(self) -> u32 {
        self.0
    }

    /// Writes it as JSON: in digits down to a thousandth, below that with an exponent, which is shorter.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if self == Self::NONE {
            return out.extend(b"null");
        }
        let exponent = (self.0 >> MANTISSA_BITS).cast_signed() - BIAS;
        let digits = (self.0 & ((1 << MANTISSA_BITS) - 1)).to_string();
        let digits = digits.as_bytes();
        let length = i32::try_from(digits.len()).unwrap_or(0);
        if exponent >= 0 && length + exponent <= 7 {
            out.extend(digits);
            out.extend((0..exponent).map(|_| b'0'));
        } else if exponent < 0 && length + exponent >= -2 {
            let before = usize::try_from(length + exponent).unwrap_or(0);
            out.extend(if before == 0 { b"0" } else { &digits[..before] });
            out.push(b'.');
            out.extend((length + exponent..0).map(|_| b'0'));
            out.extend(&digits[before..]);
        } else {
            out.extend(digits);
            out.push(b'e');
            out.extend(exponent.to_string().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(short: Short) -> String {
        let mut out = Vec::new();
        short.write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn each_kind_of_number_has_the_digits_that_are_drawn() {
        let durations = [
            (0.001_8, "0.0018"),
            (0.000_038_4, "38e-6"),
            (0.62e-3, "62e-5"),
            (2.02, "2"),
            (11.7, "12"),
            (0.0996, "0.1"),
            (75.4, "75"),
            (0.0, "0"),
            (f64::NAN, "null"),
            (-1.0, "0"),
            (1e-320, "0"),
            (1e300, "1e300"),
        ];
        for (value, text) in durations {
            assert_eq!(written(Short::duration(Some(value))), text, "{value}");
        }
        let ages = [
            (0.001_837, "0.00184"),
            (0.1836, "0.184"),
            (1.84, "1.8"),
            (371.4, "371"),
            (190_000.4, "190000"),
            (4_000_004.0, "4000000"),
        ];
        for (value, text) in ages {
            assert_eq!(written(Short::age(Some(value))), text, "{value}");
        }
        let rates = [
            (137.3, "137"),
            (12_345.0, "12300"),
            (9.96, "10"),
            (8.71, "8.7"),
            (0.4249, "0.42"),
            (0.066_66, "0.067"),
            (0.0005, "5e-4"),
        ];
        for (value, text) in rates {
            assert_eq!(written(Short::rate(value)), text, "{value}");
        }
        let shares = [
            (0.0, "0"),
            (1.0, "1"),
            (0.999_99, "0.999"),
            (0.9964, "0.996"),
            (0.644, "0.64"),
            (0.0421, "0.042"),
            (0.001_23, "0.0012"),
            (0.000_012_3, "12e-6"),
        ];
        for (value, text) in shares {
            assert_eq!(written(Short::share(Some(value))), text, "{value}");
        }
        let none = [Short::duration(None), Short::share(None), Short::age(None)];
        assert!(none.map(written).iter().all(|text| text == "null"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_json_and_near(value in proptest::num::f64::POSITIVE | proptest::num::f64::ZERO) {
            for short in [Short::duration(Some(value)), Short::rate(value), Short::age(Some(value))] {
                let read: Value = serde_json::from_str(&written(short)).expect("JSON");
                match read.as_f64() {
                    Some(read) => prop_assert!((read - value).abs() <= value * 0.051 + LEAST, "{} {}", read, value),
                    None => prop_assert!(!value.is_finite()),
                }
            }
        }

        #[test]
        fn a_share_is_none_or_all_only_where_it_is(value in 0.0f64..=1.0) {
            let read: f64 = written(Short::share(Some(value))).parse().expect("a number");
            prop_assert_eq!(read <= 0.0, value <= 0.0);
            prop_assert_eq!(read >= 1.0, value >= 1.0);
            prop_assert!((read - value).abs() <= 0.0051);
        }

        #[test]
        fn numbers_that_look_alike_are_alike(whole in 1u32..1000, by in 0u32..3) {
            let value = f64::from(whole) * 10f64.powi(by.cast_signed());
            let (one, other) = (Short::rate(value), Short::decimals(value, 2));
            prop_assert_eq!(one == other, written(one) == written(other));
        }
    }
}
