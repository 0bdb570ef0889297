//! How long a scraper waits: what it says itself, and what the server is told to take at most.

use std::time::Duration;

use http::HeaderMap;

/// What Prometheus sends with each scrape: its own time limit, in seconds.
const HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// Of what the scraper says, this is kept back for the way: a twentieth, and no less than this, but never more than half.
const MARGIN: u32 = 20;
const LEAST_MARGIN: Duration = Duration::from_millis(50);

/// Longer than anybody waits, in seconds; keeps sums with the clock in range.
const LONGEST: f64 = 86_400.0;

/// How long a page may take for this request: the smaller one of the configured limit (zero: none) and the scraper's own, less a margin.
/// What is no positive number is passed over. `None` is no limit.
pub(crate) fn of(headers: &HeaderMap, configured: Duration) -> Option<Duration> {
    let configured = (!configured.is_zero()).then_some(configured);
    let scraper = said(headers).map(less_margin);
    configured.into_iter().chain(scraper).min()
}

fn said(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(HEADER)?.to_str().ok()?.trim().parse().ok()?;
    let is_usable = seconds.is_finite() && seconds > 0.0;
    is_usable.then(|| Duration::from_secs_f64(seconds.min(LONGEST)))
}

fn less_margin(limit: Duration) -> Duration {
    limit.saturating_sub((limit / MARGIN).max(LEAST_MARGIN).min(limit / 2))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn patience(said: &str, configured: f64) -> Option<f64> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(said.as_bytes()).expect("a header value");
        headers.insert(HEADER, value);
        let configured = Duration::from_secs_f64(configured);
        of(&headers, configured).map(|patience| patience.as_secs_f64())
    }

    #[test]
    fn the_smaller_limit_counts_and_the_scraper_s_has_a_margin() {
        for (said, configured, expected) in [
            ("10", 30.0, 9.5),
            ("10", 0.0, 9.5),
            ("10", 9.0, 9.0),
            ("1", 30.0, 0.95),
            ("0.5", 30.0, 0.45),
            ("0.2", 30.0, 0.15),
            ("0.1", 30.0, 0.05),
            ("0.01", 30.0, 0.005),
            (" 10.0 ", 30.0, 9.5),
            ("1e1", 30.0, 9.5),
        ] {
            assert_eq!(patience(said, configured), Some(expected), "{said}");
        }
    }

    #[test]
    fn what_is_no_positive_number_is_passed_over_and_what_is_huge_is_bounded() {
        for said in [
            "", "0", "0.0", "-0", "-1", "NaN", "inf", "-inf", "ten", "10s", "1e400", "\u{e4}",
            "1,5",
        ] {
            assert_eq!(patience(said, 30.0), Some(30.0), "{said}");
            assert_eq!(patience(said, 0.0), None, "{said}");
        }
        for said in ["1e300", "99999999999999999999999", "1e9"] {
            assert_eq!(patience(said, 30.0), Some(30.0), "{said}");
            assert_eq!(patience(said, 0.0), Some(LONGEST * 0.95), "{said}");
        }
        // Too small for the clock is no time at all, but no panic.
        assert_eq!(patience("1e-300", 30.0), Some(0.0));
        assert_eq!(of(&HeaderMap::new(), Duration::ZERO), None);
    }
}
