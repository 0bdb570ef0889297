//! `/metrics`: negotiated format, compression, `name[]`.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderValue, RETRY_AFTER, VARY};
use http::{Method, StatusCode};
use hyper::body::Body;
use warp::reply::Response;

use super::{Context, Inbound, TEXT, internal_error, reply, text};
use crate::negotiate::{self, Escaping};
use crate::patience;
use crate::render::{PageError, PageRequest};
use crate::self_metrics::Cause;

/// Most names a request may ask for, and the longest of them in bytes; beyond it the answer is 400.
const MAX_NAMES: usize = 1000;
const MAX_NAME_BYTES: usize = 1024;

/// Seconds after which a scrape that could not be answered is worth another try.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Answers a scrape, and counts it.
pub(super) async fn metrics(context: &Context, inbound: &Inbound) -> Response {
    let scrape = context.metrics.scrape();
    let response = answer(context, inbound).await;
    let body = if inbound.method == Method::HEAD {
        0
    } else {
        response.body().size_hint().exact().unwrap_or_default()
    };
    scrape.answered(response.status(), body);
    response
}

async fn answer(context: &Context, inbound: &Inbound) -> Response {
    let Ok(names) = names(&inbound.query) else {
        return text(StatusCode::BAD_REQUEST, "too many or too long names");
    };
    let negotiated = negotiate::format(&inbound.headers);
    let gzip = !context.disable_compression && negotiate::accepts_gzip(&inbound.headers);
    let wanted = PageRequest {
        format: negotiated.format,
        names,
        dots: negotiated.escaping == Some(Escaping::Dots),
        gzip,
    };
    let patience = patience::of(&inbound.headers, context.scrape_timeout);
    match context.renderer.page(wanted, patience).await {
        Ok(page) => found(negotiated.content_type(), gzip, page),
        Err(error) => refused(context, &error),
    }
}

fn found(content_type: &'static str, gzip: bool, page: Bytes) -> Response {
    let mut response = reply(StatusCode::OK, content_type, page);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
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
/// looked at.
pub(crate) fn names(query: &str) -> Result<Option<Arc<[String]>>, TooMuch> {
    let mut names = Vec::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if form_decoded(key) != "name[]" || value.is_empty() {
            continue;
        }
        let name = form_decoded(value);
        if name.len() > MAX_NAME_BYTES || names.len() == MAX_NAMES {
            return Err(TooMuch);
        }
        names.push(name);
    }
    Ok((!names.is_empty()).then(|| names.into()))
}

/// As [`percent_decoded`], with `+` for a space, as queries have it.
fn form_decoded(text: &str) -> String {
    percent_decoded(&text.replace('+', " "))
}

/// Decodes `%xx`. What is no valid escape stays as it is, and what is no UTF-8 matches no name.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        decoded.push(match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *first,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
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
}
