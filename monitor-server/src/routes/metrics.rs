//! `/metrics`: format, compression and escaping as negotiated, `name[]`, and how long the scraper waits.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderValue, RETRY_AFTER, VARY};
use http::{HeaderMap, Method, StatusCode};

use super::{Context, Inbound, Response, TEXT, internal_error, reply, text};
use crate::negotiate::Selection;
use crate::render::{PageError, PageRequest};
use crate::self_metrics::Cause;

/// Most names a request may ask for, and the longest of them in bytes; beyond it the answer is 400.
const MAX_NAMES: usize = 1000;
const MAX_NAME_BYTES: usize = 1024;

/// Seconds after which a scrape that could not be answered is worth another try.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The header that Prometheus sends with each scrape: its own time limit, in seconds.
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// Of the scraper's limit this is kept back for the way: a twentieth, and no less than this, but never more than half.
const MARGIN: u32 = 20;
const LEAST_MARGIN: Duration = Duration::from_millis(50);

/// Longer than any scraper waits, in seconds; keeps sums with the clock in range.
const LONGEST: f64 = 86_400.0;

/// Answers a scrape, and counts it.
pub(super) async fn metrics(context: &Context, inbound: &Inbound) -> Response {
    let scrape = context.metrics.scrape();
    let response = answer(context, inbound).await;
    let body = if inbound.method == Method::HEAD {
        0
    } else {
        response.body().len() as u64
    };
    scrape.answered(response.status(), body);
    response
}

async fn answer(context: &Context, inbound: &Inbound) -> Response {
    let Ok(names) = names(&inbound.query) else {
        return text(StatusCode::BAD_REQUEST, "too many or too long names");
    };
    let selection = Selection::of(&inbound.headers, context.native_histograms);
    let gzip = selection.gzip && !context.disable_compression;
    let request = PageRequest {
        format: selection.format,
        names,
        dots: selection.dots,
        gzip,
    };
    let timeout = scrape_timeout(&inbound.headers, context.scrape_timeout);
    let page = match context.renderer.page(request, timeout).await {
        Ok(page) => page,
        Err(error) => return refused(context, &error),
    };
    let mut response = reply(StatusCode::OK, selection.content_type, page);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// How long a page may take for this request: the smaller one of the configured limit (zero: none) and the scraper's
/// own, less a margin. A limit that is no positive number is passed over. `None` is no limit.
fn scrape_timeout(headers: &HeaderMap, configured: Duration) -> Option<Duration> {
    let of_scraper = || {
        let seconds: f64 = headers
            .get(TIMEOUT_HEADER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let is_usable = seconds.is_finite() && seconds > 0.0;
        let limit = is_usable.then(|| Duration::from_secs_f64(seconds.min(LONGEST)))?;
        Some(limit.saturating_sub((limit / MARGIN).max(LEAST_MARGIN).min(limit / 2)))
    };
    let configured = (!configured.is_zero()).then_some(configured);
    configured.into_iter().chain(of_scraper()).min()
}

/// The answer where there is no page. Never a part of one, and never an empty one: either would pass for the truth.
fn refused(context: &Context, error: &PageError) -> Response {
    let (cause, body) = match error {
        PageError::Failed => return internal_error(),
        PageError::Incomplete(gaps) => {
            let body = Bytes::copy_from_slice(gaps.as_bytes());
            return reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, body);
        }
        PageError::Late => (Cause::Timeout, "the page was not ready in time"),
        PageError::Busy => (Cause::Busy, "too many scrapes are waiting"),
    };
    context.metrics.count(cause, 1);
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, body);
    response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    response
}

/// A query that asks for more than it may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

/// The values of `name[]`, decoded; empty ones do not count, and none at all is no filter. Other parameters are not
/// looked at. An invalid escape stays as it is, and a value that is no UTF-8 matches no name.
pub(crate) fn names(query: &str) -> Result<Option<Arc<[String]>>, TooMuch> {
    let mut names = Vec::new();
    for (key, name) in form_urlencoded::parse(query.as_bytes()) {
        if key != "name[]" || name.is_empty() {
            continue;
        }
        if name.len() > MAX_NAME_BYTES || names.len() == MAX_NAMES {
            return Err(TooMuch);
        }
        names.push(name.into_owned());
    }
    Ok((!names.is_empty()).then(|| names.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &str) -> Option<Vec<String>> {
        names(query)
            .expect("within the bounds")
            .map(|names| names.to_vec())
    }

    #[test]
    fn names_are_decoded_and_empty_ones_do_not_count() {
        let wanted =
            |names: &[&str]| Some(names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(list(""), None);
        assert_eq!(list("name[]="), None);
        assert_eq!(list("name[]"), None);
        assert_eq!(list("name=a&x[]=b"), None);
        assert_eq!(list("name[]=a&name[]=b"), wanted(&["a", "b"]));
        assert_eq!(list("name%5B%5D=%61_b&x=1"), wanted(&["a_b"]));
        assert_eq!(list("name%5b%5d=a+b"), wanted(&["a b"]));
        assert_eq!(
            list("name[]=50%&name[]=%zz&name[]=%4"),
            wanted(&["50%", "%zz", "%4"])
        );
        assert_eq!(list("name[]=%ff"), wanted(&["\u{fffd}"]));
    }

    #[test]
    fn number_and_length_of_names_are_bounded() {
        let query = vec!["name[]=a"; MAX_NAMES].join("&");
        assert_eq!(list(&query).map(|names| names.len()), Some(MAX_NAMES));
        assert_eq!(names(&format!("{query}&name[]=a")), Err(TooMuch));
        let longest = "a".repeat(MAX_NAME_BYTES);
        assert_eq!(
            list(&format!("name[]={longest}")),
            Some(vec![longest.clone()])
        );
        assert_eq!(names(&format!("name[]={longest}a")), Err(TooMuch));
    }

    fn timeout(said: &str, configured: f64) -> Option<f64> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(said.as_bytes()).expect("a header value");
        headers.insert(TIMEOUT_HEADER, value);
        let configured = Duration::from_secs_f64(configured);
        scrape_timeout(&headers, configured).map(|timeout| timeout.as_secs_f64())
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
            assert_eq!(timeout(said, configured), Some(expected), "{said}");
        }
    }

    #[test]
    fn what_is_no_positive_number_is_passed_over_and_what_is_huge_is_bounded() {
        for said in [
            "", "0", "0.0", "-0", "-1", "NaN", "inf", "-inf", "ten", "10s", "1e400", "\u{e4}",
            "1,5",
        ] {
            assert_eq!(timeout(said, 30.0), Some(30.0), "{said}");
            assert_eq!(timeout(said, 0.0), None, "{said}");
        }
        for said in ["1e300", "99999999999999999999999", "1e9"] {
            assert_eq!(timeout(said, 30.0), Some(30.0), "{said}");
            assert_eq!(timeout(said, 0.0), Some(LONGEST * 0.95), "{said}");
        }
        // Too small for the clock is no time at all, but no panic.
        assert_eq!(timeout("1e-300", 30.0), Some(0.0));
        assert_eq!(scrape_timeout(&HeaderMap::new(), Duration::ZERO), None);
    }
}
