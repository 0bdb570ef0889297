//! `Accept` and `Accept-Encoding`: the answer is one of a fixed set, and one that the client has named or left open.
#![no_main]

use http::header::{ACCEPT, ACCEPT_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use monitor_fuzz::Format;
use monitor_server::fuzzing::negotiated;

const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

const TYPES: [&str; 6] = [
    "text/plain; version=0.0.4; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
];

// Lines of `Accept`, then a `|`, then lines of `Accept-Encoding`.
fuzz_target!(|data: &[u8]| {
    let end = data
        .iter()
        .position(|byte| *byte == b'|')
        .unwrap_or(data.len());
    let (accept, encoding) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let mut headers = HeaderMap::new();
    append(&mut headers, &ACCEPT, accept);
    append(&mut headers, &ACCEPT_ENCODING, encoding);
    for native_histograms in [false, true] {
        let answer = negotiated(&headers, native_histograms);
        check(accept, encoding, answer, native_histograms);
        check_again(&headers, answer, native_histograms);
    }
});

fn check(
    accept: &[u8],
    encoding: &[u8],
    (format, content_type, gzip): (Format, &'static str, bool),
    native_histograms: bool,
) {
    if gzip {
        assert!(names(encoding, &["gzip", "*"]));
    }
    if format == Format::Protobuf {
        assert_eq!(content_type, PROTOBUF);
        assert!(native_histograms, "offered with the key alone");
        let whole = ["application/vnd.google.protobuf", "proto", "delimited"];
        assert!(whole.iter().all(|part| names(accept, &[part])));
        return;
    }
    let at = TYPES.iter().position(|known| *known == content_type);
    let at = at.expect("one of the fixed types");
    assert_eq!(format == Format::Text004, at == 0, "{content_type}");
    if format == Format::OpenMetrics100 {
        assert!(names(
            accept,
            &["application/openmetrics-text", "application/*", "*/*"]
        ));
    }
    if at > 1 {
        assert!(names(accept, &["escaping"]), "only who asks is told of it");
    }
}

fn append(headers: &mut HeaderMap, name: &HeaderName, lines: &[u8]) {
    for line in lines.split(|byte| *byte == b'\n').take(32) {
        // Bytes that are not a header value never reach a server.
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
}

fn names(lines: &[u8], any: &[&str]) -> bool {
    let lines = lines.to_ascii_lowercase();
    let holds = |name: &&str| {
        lines
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    };
    any.iter().any(|name| holds(name))
}

/// Lines of a list header are one list, and parts that are not elements of it change nothing.
fn check_again(headers: &HeaderMap, answer: (Format, &'static str, bool), native: bool) {
    let mut joined = HeaderMap::new();
    for name in [ACCEPT, ACCEPT_ENCODING] {
        let lines = headers.get_all(&name).iter();
        let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
        // An open quote would go on into the next line.
        if lines.iter().any(|line| line.contains(['"', '\\'])) {
            return;
        }
        let line = format!(", ,{},foo/bar;q=1.0,", lines.join(" , "));
        joined.append(name, HeaderValue::from_str(&line).expect("visible ASCII"));
    }
    assert_eq!(negotiated(&joined, native), answer);
}
