//! Numbers as an operator reads them: durations, spans, shares, rates, counts, bytes, ratios and times of day.
//!
//! Each kind of number has one form on the live page, in sentences and in the text pages, so that the same number is
//! never written in two ways. A number has no more digits than its source: a quantile is read from buckets that are
//! 9 % wide, so it has two; the duration of one call is exact, and has three.
//!
//! There are two styles ([`NumberStyle`]). In `Prose` a space stands before the unit: `6 min 11 s`. A
//! `Cell` of a table has no space, so that `awk` sees one field: `6m11s`. Both are ASCII; the
//! microsecond is written `us`.
//!
//! What is no number (`NaN`, a negative duration, an infinite one) is written `-`, as a missing value is.

use crate::base::clock::date_and_time;

/// Whether a number stands in a sentence or in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumberStyle {
    /// With a space before the unit: `6 min 11 s`, `64 %`.
    Prose,
    /// Without spaces: `6m11s`, `64%`.
    Cell,
}

use NumberStyle::{Cell, Prose};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// What stands for a missing value.
pub const MISSING: &str = "-";

/// Half of a millisecond, which is added before a time is cut to whole seconds: times are sums of doubles.
const HALF_MILLISECOND: f64 = 0.0005;

/// A duration in seconds that was read from buckets, with two digits: `38 us`, `1.8 ms`, `12 s`; from a minute on as a
/// [`span`].
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, duration};
///
/// assert_eq!(duration(0.001_8, NumberStyle::Prose), "1.8 ms");
/// assert_eq!(duration(0.001_8, NumberStyle::Cell), "1.8ms");
/// ```
pub fn duration(seconds: f64, style: NumberStyle) -> String {
    short_duration(seconds, 2, style)
}

/// The duration of one call in seconds, with three digits below a second: `1.84 ms`, `184 ms`; above as [`duration`].
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, call_duration};
///
/// assert_eq!(call_duration(0.184, NumberStyle::Prose), "184 ms");
/// ```
pub fn call_duration(seconds: f64, style: NumberStyle) -> String {
    let digits = if seconds < 1.0 { 3 } else { 2 };
    short_duration(seconds, digits, style)
}

/// An age or another length of time in seconds: below a minute as [`call_duration`], then in two units, the second of
/// which is left out where it is 0: `6 min 11 s`, `5 min`, `2 d 4 h`. What is beyond the second unit is cut off.
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, span};
///
/// assert_eq!(span(371.0, NumberStyle::Prose), "6 min 11 s");
/// assert_eq!(span(371.0, NumberStyle::Cell), "6m11s");
/// ```
pub fn span(seconds: f64, style: NumberStyle) -> String {
    if !(MINUTE - HALF_MILLISECOND..1e15).contains(&seconds) {
        return call_duration(seconds, style);
    }
    let whole = (seconds + HALF_MILLISECOND).floor();
    let (minute, second) = match style {
        Prose => ("min", "s"),
        Cell => ("m", "s"),
    };
    let [(long, long_name), (short, short_name)] = if whole < HOUR {
        [(MINUTE, minute), (1.0, second)]
    } else if whole < DAY {
        [(HOUR, "h"), (MINUTE, minute)]
    } else {
        [(DAY, "d"), (HOUR, "h")]
    };
    let first = with_unit(&format!("{}", (whole / long).floor()), long_name, style);
    let rest = (whole % long / short).floor();
    if rest < 1.0 {
        return first;
    }
    let between = if style == Prose { " " } else { "" };
    format!(
        "{first}{between}{}",
        with_unit(&format!("{rest}"), short_name, style)
    )
}

fn short_duration(seconds: f64, digits: usize, style: NumberStyle) -> String {
    if !(0.0..1e15).contains(&seconds) {
        return MISSING.to_owned();
    }
    if seconds == 0.0 {
        return with_unit("0", "s", style);
    }
    for (scale, unit, limit) in [(1e6, "us", 1000.0), (1e3, "ms", 1000.0), (1.0, "s", MINUTE)] {
        let number = rounded(seconds * scale, digits);
        if number < limit {
            return with_unit(&in_digits(number, digits), unit, style);
        }
    }
    // What rounds to a minute is one.
    span(seconds.max(MINUTE), style)
}

/// A share from 0 to 1 in percent. `0 %` is none at all, and `100 %` all of them: `<0.01 %`, `0.12 %`, `4.2 %`, `64 %`,
/// `99.6 %`. In a cell none is `0`.
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, share};
///
/// assert_eq!(share(0.001_2, NumberStyle::Prose), "0.12 %");
/// assert_eq!(share(0.999_97, NumberStyle::Cell), "99.9%");
/// ```
pub fn share(share: f64, style: NumberStyle) -> String {
    let percent = share * 100.0;
    let number = if !(0.0..=100.0).contains(&percent) {
        return MISSING.to_owned();
    } else if percent == 0.0 {
        return if style == Cell { "0" } else { "0 %" }.to_owned();
    } else if share >= 1.0 {
        "100".to_owned()
    } else if percent < 0.01 {
        "<0.01".to_owned()
    } else if percent < 0.995 {
        let text = format!("{percent:.2}");
        text.trim_end_matches('0').to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1}")
    } else if percent > 99.0 {
        format!("{:.1}", percent.min(99.9))
    } else {
        format!("{percent:.0}")
    };
    with_unit(&number, "%", style)
}

/// A rate per second: `137 /s`, `8.7 /s`, `0.42 /s`; a small one per minute or per hour: `4.0 /min`, `2.0 /h`.
///
/// A rate below 0.1 /s would have a single digit, so it is written per minute, and one below 0.1 /min per hour.
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, rate};
///
/// assert_eq!(rate(137.2, NumberStyle::Prose), "137 /s");
/// assert_eq!(rate(4.0 / 60.0, NumberStyle::Prose), "4.0 /min");
/// ```
pub fn rate(per_second: f64, style: NumberStyle) -> String {
    if per_second == 0.0 && style == Cell {
        return "0".to_owned();
    }
    let (number, unit) = if per_second == 0.0 || per_second >= 0.095 {
        (per_second, "/s")
    } else if per_second * MINUTE >= 0.095 {
        (per_second * MINUTE, "/min")
    } else {
        (per_second * HOUR, "/h")
    };
    match per_second_number(number) {
        missing if missing == MISSING => missing,
        number => with_unit(&number, unit, style),
    }
}

/// The number of a rate per second without its unit, as a column `CALLS/s` has it: whole from 10 on, one decimal from 1
/// on, else two.
///
/// ```
/// use monitor_core::verdict::numbers::per_second_number;
///
/// assert_eq!(per_second_number(8.71), "8.7");
/// ```
pub fn per_second_number(per_second: f64) -> String {
    match per_second {
        rate if !(0.0..1e15).contains(&rate) => MISSING.to_owned(),
        0.0 => "0".to_owned(),
        rate if rate < 0.01 => "<0.01".to_owned(),
        rate if rate < 0.995 => format!("{rate:.2}"),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate => grouped(rate),
    }
}

/// A count: `9,668`; from a million on with three digits: `48.2 M`, `1.20 G`.
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, count};
///
/// assert_eq!(count(9_668, NumberStyle::Prose), "9,668");
/// assert_eq!(count(48_200_000, NumberStyle::Prose), "48.2 M");
/// ```
pub fn count(count: u64, style: NumberStyle) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let number = count as f64;
    if count < 1_000_000 {
        return grouped(number);
    }
    let millions = rounded(number / 1e6, 3);
    if millions < 1000.0 {
        return with_unit(&in_digits(millions, 3), "M", style);
    }
    let giga = rounded(number / 1e9, 3);
    with_unit(&in_digits(giga, 3), "G", style)
}

/// A number of bytes with three digits, in units of 1,024 that change at 1,000: `212 MiB`, `3.10 MiB`.
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, bytes};
///
/// assert_eq!(bytes(3_250_586.0, NumberStyle::Prose), "3.10 MiB");
/// ```
pub fn bytes(bytes: f64, style: NumberStyle) -> String {
    if !(0.0..1e24).contains(&bytes) {
        return MISSING.to_owned();
    }
    // Of the zero with a sign too.
    let mut number = bytes.round().abs();
    if number < 1000.0 {
        return with_unit(&format!("{number}"), "B", style);
    }
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    for unit in units {
        number /= 1024.0;
        if rounded(number, 3) < 1000.0 || unit == "EiB" {
            return with_unit(&in_digits(rounded(number, 3), 3), unit, style);
        }
    }
    MISSING.to_owned()
}

/// How many times one number is the other: `430 x`; below 0.52 as a division: `/ 2.4`; near 1 in percent: `+14 %`;
/// equal ones: `=`.
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, ratio};
///
/// assert_eq!(ratio(1.14, NumberStyle::Prose), "+14 %");
/// ```
pub fn ratio(ratio: f64, style: NumberStyle) -> String {
    if !(1e-15..1e15).contains(&ratio) {
        return MISSING.to_owned();
    }
    if ratio < 0.52 {
        let divisor = in_digits(rounded(1.0 / ratio, 2), 2);
        return match style {
            Prose => format!("/ {divisor}"),
            Cell => format!("/{divisor}"),
        };
    }
    if ratio >= 1.95 {
        return with_unit(&in_digits(rounded(ratio, 2), 2), "x", style);
    }
    let percent = ((ratio - 1.0) * 100.0).round();
    if percent == 0.0 {
        return "=".to_owned();
    }
    with_unit(&format!("{percent:+}"), "%", style)
}

/// The time of day in UTC of seconds since 1970: `03:07:42`.
///
/// ```
/// use monitor_core::verdict::numbers::time_of_day;
///
/// assert_eq!(time_of_day(1_795_835_262.0), "03:07:42");
/// ```
pub fn time_of_day(unix: f64) -> String {
    let text = date_time(unix);
    text.get(11..).unwrap_or(MISSING).to_owned()
}

/// Date and time in UTC of seconds since 1970: `2026-11-28 03:07:42`. Times before 1970 are 1970, those after 9999 the
/// end of 9999.
///
/// ```
/// use monitor_core::verdict::numbers::date_time;
///
/// assert_eq!(date_time(1_795_835_262.0), "2026-11-28 03:07:42");
/// ```
pub fn date_time(unix: f64) -> String {
    /// The last second of the year 9999.
    const LAST: f64 = 253_402_300_799.0;
    if unix.is_nan() {
        return MISSING.to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` gives 0 for what is negative"
    )]
    let seconds = (unix + HALF_MILLISECOND).min(LAST) as u64;
    date_and_time(seconds, ' ')
}

/// The time of day of seconds since 1970, with the date where that is not today's: `03:07:42`, `28 Nov 03:07:42`. `now`
/// is in the same unit.
///
/// ```
/// use monitor_core::verdict::numbers::moment;
///
/// assert_eq!(moment(1_795_835_262.0, 1_795_835_640.0), "03:07:42");
/// assert_eq!(moment(1_795_835_262.0, 1_795_921_662.0), "28 Nov 03:07:42");
/// ```
pub fn moment(unix: f64, now: f64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (then, today) = (date_time(unix), date_time(now));
    let time = time_of_day(unix);
    if time == MISSING {
        return time;
    }
    if then.get(..10) == today.get(..10) {
        return time;
    }
    let month: usize = then
        .get(5..7)
        .and_then(|month| month.parse().ok())
        .unwrap_or(1);
    let month = MONTHS[month.clamp(1, 12) - 1];
    let day = then.get(8..10).unwrap_or("1").trim_start_matches('0');
    format!("{day} {month} {time}")
}

/// How long something goes on: as [`span`], but `0 s` within the first second. In microseconds it would be a measurement.
///
/// ```
/// use monitor_core::verdict::numbers::{NumberStyle, lasting};
///
/// assert_eq!(lasting(7.45e-6, NumberStyle::Prose), "0 s");
/// assert_eq!(lasting(371.0, NumberStyle::Cell), "6m11s");
/// ```
pub fn lasting(seconds: f64, style: NumberStyle) -> String {
    let is_begun = seconds >= 1.0;
    span(if is_begun { seconds } else { 0.0 }, style)
}

fn with_unit(number: &str, unit: &str, style: NumberStyle) -> String {
    match style {
        Prose => format!("{number} {unit}"),
        Cell => format!("{number}{unit}"),
    }
}

/// A positive number, rounded to so many significant digits.
fn rounded(number: f64, digits: usize) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    // Through its text, so that no power of ten is inexact.
    let text = format!("{number:.*e}", digits - 1);
    text.parse().unwrap_or(number)
}

/// A number that has at most so many significant digits, with all of them: `2.0`, `620`, `0.038`.
fn in_digits(number: f64, digits: usize) -> String {
    if number <= 0.0 {
        return "0".to_owned();
    }
    if number >= 1000.0 {
        return grouped(number);
    }
    let mut before = 1;
    while number >= 10_f64.powi(before) {
        before += 1;
    }
    let mut decimals = digits.saturating_sub(before.unsigned_abs() as usize);
    let mut first = 1.0;
    while number < first && decimals < 12 {
        decimals += 1;
        first /= 10.0;
    }
    format!("{number:.decimals$}")
}

/// The whole number, with a comma between groups of three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
