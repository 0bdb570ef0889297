//! Numbers and texts as the API writes them.
//!
//! A measured number has three significant digits, as no curve and no table shows more; a count is whole. What is not
//! known, and what is no number, is `null`. Times are seconds since 1970 with three decimals.
//!
//! Names, error texts and outputs of checks come from outside. They are cut at [`MAX_TEXT`] bytes, and characters that
//! turn the direction of writing are replaced: the rest is for the JSON writer, which escapes control characters.

use std::borrow::Cow;

use serde_json::Value;

/// The longest text in bytes.
pub(super) const MAX_TEXT: usize = 512;

/// Powers of ten that a double holds exactly.
const EXACT_POWER: i32 = 22;

/// The largest whole number that a double holds exactly with all below it: 2^53.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A measured number, with three significant digits.
pub(super) fn number(value: f64) -> Value {
    rounded(value).map_or(Value::Null, exact)
}

/// The same where it may be missing.
pub(super) fn optional(value: Option<f64>) -> Value {
    value.map_or(Value::Null, number)
}

/// Lower and upper end.
pub(super) fn pair(range: [f64; 2]) -> Value {
    Value::from(range.map(number).to_vec())
}

/// A time, seconds since 1970.
pub(super) fn time(unix: f64) -> Value {
    if unix.is_finite() {
        exact((unix * 1e3).round() / 1e3)
    } else {
        Value::Null
    }
}

/// Values as a list, or pairs of a name and a value as an object.
pub(super) fn collected<T>(items: impl IntoIterator<Item = T>) -> Value
where
    Value: FromIterator<T>,
{
    items.into_iter().collect()
}

/// A count as a double.
#[expect(clippy::cast_precision_loss, reason = "a share or a rate is a double")]
pub(super) fn double(count: u64) -> f64 {
    count as f64
}

/// The share of a part, from 0 to 1; `None` of nothing.
pub(super) fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| double(part) / double(of))
}

/// A text from outside.
pub(super) fn text(text: &str) -> Value {
    Value::from(shown(text))
}

/// The same where it may be missing.
pub(super) fn optional_text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, self::text)
}

/// A text from outside, cut at a character and without characters that turn the direction of writing.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let cut = cut(text);
    if cut.contains(turns) {
        Cow::Owned(cut.replace(turns, "?"))
    } else {
        Cow::Borrowed(cut)
    }
}

/// The overrides, embeddings and isolates of Unicode's bidirectional algorithm (UAX 9, 2.1 to 2.4).
fn turns(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text, or as much of it as ends with a character within [`MAX_TEXT`] bytes.
fn cut(text: &str) -> &str {
    let mut end = MAX_TEXT.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// With three significant digits; `None` of NaN and the infinities.
fn rounded(value: f64) -> Option<f64> {
    if !value.is_finite() || value == 0.0 {
        return value.is_finite().then_some(0.0);
    }
    // Within the range of an i32: exponents of doubles are from -324 to 308.
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    let places = 2 - value.abs().log10().floor() as i32;
    Some(match places {
        0..=EXACT_POWER => {
            let scale = 10f64.powi(places);
            (value * scale).round() / scale
        }
        places if places < 0 && -places <= EXACT_POWER => {
            let scale = 10f64.powi(-places);
            (value / scale).round() * scale
        }
        _ => format!("{value:.2e}").parse().unwrap_or(value),
    })
}

/// A whole number without a point.
fn exact(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < LARGEST_WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        let whole = value as i64;
        Value::from(whole)
    } else {
        Value::from(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        number(value).to_string()
    }

    #[test]
    fn three_digits_are_left_of_a_measured_number() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.123_456, "0.123"),
            (1.0 / 3.0, "0.333"),
            (0.000_123_456, "0.000123"),
            (12.345, "12.3"),
            (99.96, "100"),
            (12_345.0, "12300"),
            (1_795_835_640.0, "1800000000"),
            (-2.356_28, "-2.36"),
            (0.1 + 0.2, "0.3"),
        ];
        for (value, text) in cases {
            assert_eq!(written(value), text, "{value}");
        }
    }

    #[test]
    fn what_is_no_number_is_null() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(number(value), Value::Null);
            assert_eq!(time(value), Value::Null);
        }
        assert_eq!(optional(None), Value::Null);
    }

    #[test]
    fn times_have_three_decimals() {
        assert_eq!(time(1_795_835_640.123_456).to_string(), "1795835640.123");
        assert_eq!(time(1_795_835_640.0).to_string(), "1795835640");
    }

    #[test]
    fn a_share_of_nothing_is_not_known() {
        assert_eq!(share(0, 0), None);
        assert_eq!(share(0, 3), Some(0.0));
        assert_eq!(share(3, 3), Some(1.0));
    }

    #[test]
    fn long_texts_are_cut_at_a_character_and_no_text_turns_the_direction() {
        let long = "\u{e4}".repeat(400);
        assert_eq!(shown(&long).len(), MAX_TEXT);
        let odd = format!("a{long}");
        assert_eq!(shown(&odd).len(), MAX_TEXT - 1);
        assert_eq!(shown("a\u{202e}b\u{2066}c"), "a?b?c");
        assert_eq!(shown("<script>\u{1b}[31m"), "<script>\u{1b}[31m");
        let escaped = text("\u{1b}[31m\"\n").to_string();
        assert_eq!(escaped, r#""\u001b[31m\"\n""#);
    }

    proptest! {
        #[test]
        fn a_number_is_right_to_three_digits(value in proptest::num::f64::ANY) {
            match rounded(value) {
                None => prop_assert!(!value.is_finite()),
                Some(rounded) => {
                    prop_assert!((rounded - value).abs() <= value.abs() * 0.005_001);
                    let text = number(value).to_string();
                    let read: f64 = text.parse().expect("a number");
                    prop_assert!((read - rounded).abs() <= rounded.abs() * 1e-15);
                }
            }
        }

        #[test]
        fn any_text_stays_within_its_bounds(any in "\\PC{0,700}") {
            let shown = shown(&any);
            prop_assert!(shown.len() <= MAX_TEXT);
            prop_assert!(!shown.contains(turns));
        }
    }
}
