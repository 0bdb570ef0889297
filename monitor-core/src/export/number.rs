//! How numbers are written.

/// Writes a whole number; returns its length, at most 20.
pub(super) fn put_int(to: &mut [u8], value: u64) -> usize {
    put(to, itoa::Buffer::new().format(value))
}

/// Writes a sample's value: whole numbers plain (`4`), others in the shortest form that reads back as the same
/// number, and `NaN`, `+Inf`, `-Inf`. Returns its length, at most 24.
pub(super) fn put_float(to: &mut [u8], value: f64) -> usize {
    match small_whole(value) {
        Some(whole) => put(to, itoa::Buffer::new().format(whole)),
        None if value.is_finite() => put(to, ryu::Buffer::new().format_finite(value)),
        None => put(to, special(value)),
    }
}

/// Appends a sample's value.
pub(super) fn push_float(out: &mut Vec<u8>, value: f64) {
    let mut text = [0; 24];
    let length = put_float(&mut text, value);
    out.extend_from_slice(&text[..length]);
}

fn put(to: &mut [u8], text: &str) -> usize {
    to[..text.len()].copy_from_slice(text.as_bytes());
    text.len()
}

/// The value as an integer, if it is one below 2^53: up to there a float holds every integer. Not for -0.
fn small_whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked, and so is that nothing is lost"
    )]
    let whole = (value.abs() < LIMIT).then_some(value as i64)?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53 nothing is lost")]
    let back = whole as f64;
    (back.to_bits() == value.to_bits()).then_some(whole)
}

fn special(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

/// A bound or quantile as the original's client library writes it: `0.0`, `0.01`, `1.0`, `1.05e+06`, `+Inf`.
///
/// Label values are compared as text, so this must not change. From 1e10 on it is Go's form (`1e+10`); the
/// original has no bound there (its library writes a third digit, `1e+010`).
pub(super) fn bound(value: f64) -> String {
    if !value.is_finite() {
        return special(value).to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let exponent_from = if value > 0.0 { 6 } else { 16 };
    if value == 0.0 || (-4..exponent_from).contains(&exponent) {
        // Without an exponent: that is how `Debug` writes numbers from 1e-5 to 1e16.
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
