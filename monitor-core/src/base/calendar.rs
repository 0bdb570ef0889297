//! Times as text.

/// Seconds since 1970 as `2026-11-22 10:37:04.123456`.
///
/// The calendar is computed as in Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`,
/// for days since 1970 (which is not negative here).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates; times before 1970 read as 1970"
)]
pub(crate) fn utc(unix: f64) -> String {
    let micros = (unix * 1e6).round() as u64;
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn the_calendar_is_right() {
        assert_eq!(utc(0.0), "1970-01-01 00:00:00.000000");
        assert_eq!(utc(951_827_696.5), "2000-02-29 12:34:56.500000");
        assert_eq!(utc(1_700_000_000.0), "2023-11-14 22:13:20.000000");
        assert_eq!(utc(1_798_761_599.999_999), "2026-12-31 23:59:59.999999");
    }
}
