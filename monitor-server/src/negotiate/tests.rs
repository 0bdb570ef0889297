//! The headers that real clients send (recorded from Prometheus 2.42 and 3.5.3), and those only an attacker would.

use http::HeaderValue;

use super::*;

const TEXT: &str = TEXT_TYPE;
const OPEN: &str = OPEN_METRICS_TYPES[0];
const OPEN_UTF8: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8";
const OPEN_UNDERSCORES: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";
const OPEN_DOTS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots";
const OPEN_VALUES: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values";
const MESSAGES: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

pub(super) fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(
            name,
            HeaderValue::from_bytes(line.as_bytes()).expect("a header value"),
        );
    }
    headers
}

fn content_type(accept: &str) -> &'static str {
    Selection::of(&headers(&ACCEPT, &[accept]), false).content_type
}

/// The answer of a server with native histograms.
fn native_type(accept: &str) -> &'static str {
    Selection::of(&headers(&ACCEPT, &[accept]), true).content_type
}

/// Headers of clients, a line each; recorded where the client's line does not say `source`.
const CLIENTS: &str = include_str!("clients.txt");

#[test]
fn every_known_client_gets_what_it_likes_best() {
    let mut seen = 0;
    for line in CLIENTS.lines().filter(|line| !line.starts_with('#')) {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [client, format, encoding, accept_encoding, accept] = parts[..] else {
            panic!("five columns: {line}");
        };
        let type_of = |format: &str| match format {
            "text" => TEXT,
            "open" => OPEN,
            "open utf-8" => OPEN_UTF8,
            "open underscores" => OPEN_UNDERSCORES,
            "open dots" => OPEN_DOTS,
            "open values" => OPEN_VALUES,
            "protobuf" => MESSAGES,
            _ => panic!("a format: {line}"),
        };
        let (text, native) = format.split_once(" / ").unwrap_or((format, format));
        assert_eq!(content_type(accept), type_of(text), "{client}");
        assert_eq!(native_type(accept), type_of(native), "{client}");
        let gzip = Selection::of(&headers(&ACCEPT_ENCODING, &[accept_encoding]), true).gzip;
        assert_eq!(gzip, encoding == "gzip", "{client}");
        seen += 1;
    }
    assert!(seen > 15, "{seen} clients");
}

#[test]
fn each_header_gets_its_type() {
    for (accept, expected) in [
        // The largest weight wins, not the first entry.
        ("application/openmetrics-text;q=0.3,text/plain;q=0.7", TEXT),
        ("text/plain;q=0.3,application/openmetrics-text;q=0.7", OPEN),
        (
            "text/plain;q=0.301,application/openmetrics-text;q=0.302",
            OPEN,
        ),
        // A tie: OpenMetrics where it is named.
        ("text/plain,application/openmetrics-text", OPEN),
        ("text/plain, application/*", OPEN),
        ("text/plain, */*", TEXT),
        ("text/plain;q=0.5, */*;q=0.9", OPEN),
        // The closest range counts, not the most generous one.
        (
            "application/openmetrics-text;version=1.0.0;q=0.1,application/openmetrics-text,text/plain;q=0.5",
            TEXT,
        ),
        ("application/openmetrics-text;q=0, */*", TEXT),
        ("text/plain;q=0, */*;q=0.1", OPEN),
        // An unknown version.
        ("application/openmetrics-text;version=9.9", OPEN),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", TEXT),
        // Nothing acceptable is no reason to refuse.
        ("application/openmetrics-text;q=0, text/plain;q=0", TEXT),
        ("*/*;q=0", TEXT),
        // Elements that cannot be read are passed over.
        ("", TEXT),
        (",,,", TEXT),
        (";;;", TEXT),
        ("application/openmetrics-text;q=abc", TEXT),
        ("application/openmetrics-text;q=2", TEXT),
        ("application/openmetrics-text;q=-1", TEXT),
        ("application/openmetrics-text;q=NaN", TEXT),
        ("application/openmetrics-text;q=1.001", TEXT),
        ("application/openmetrics-text;q=0.0001", TEXT),
        ("application/openmetrics-text;q=", TEXT),
        ("application/openmetrics-text;q=1.", OPEN),
        ("application/openmetrics-text;q=1.000", OPEN),
        (
            "APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.9",
            OPEN,
        ),
        ("text/plain;note=\"a,application/openmetrics-text\"", TEXT),
        ("application/openmetrics-text;note=\"unterminated", OPEN),
        ("garbage, application/openmetrics-text", OPEN),
        ("text/plain, application/openmetrics-text;q=\"0.\\5\"", TEXT),
    ] {
        assert_eq!(content_type(accept), expected, "{accept}");
    }
}

#[test]
fn escaping_is_answered_from_a_closed_set() {
    for (escaping, expected) in [
        ("allow-utf-8", OPEN_UTF8),
        ("ALLOW-UTF-8", OPEN_UTF8),
        ("underscores", OPEN_UNDERSCORES),
        ("values", OPEN_VALUES),
        ("dots", OPEN_DOTS),
        ("\"d\\ots\"", OPEN_DOTS),
        ("\"<script>\"", OPEN_UNDERSCORES),
        ("", OPEN_UNDERSCORES),
    ] {
        let accept = format!("application/openmetrics-text;version=1.0.0;escaping={escaping}");
        assert_eq!(content_type(&accept), expected, "{accept}");
    }
}

#[test]
fn protobuf_is_for_clients_that_name_message_and_framing_and_like_nothing_better() {
    const NAMED: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    for (accept, expected) in [
        ("NAMED", MESSAGES),
        ("NAMED;q=0.001", MESSAGES),
        ("NAMED;q=0", TEXT),
        ("NAMED;q=2", TEXT),
        // Spelling, and parameters of no meaning.
        (
            "Application/Vnd.Google.Protobuf; ENCODING=\"Delimited\" ; Proto = io.prometheus.client.metricfamily",
            MESSAGES,
        ),
        ("NAMED;escaping=dots", MESSAGES),
        // Another message or framing, or none said.
        ("application/vnd.google.protobuf", TEXT),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
            TEXT,
        ),
        ("application/vnd.google.protobuf;encoding=delimited", TEXT),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            TEXT,
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text",
            TEXT,
        ),
        (
            "application/vnd.google.protobuf;proto=io.other.MetricFamily;encoding=delimited",
            TEXT,
        ),
        (
            "application/x-protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            TEXT,
        ),
        // No range stands for it.
        ("*/*", TEXT),
        ("application/*", OPEN),
        ("application/*, text/plain;q=0.1", OPEN),
        ("", TEXT),
        // The largest weight wins; a tie goes to the one that is always named.
        ("NAMED;q=0.5, text/plain;q=0.6", TEXT),
        ("NAMED;q=0.5, application/openmetrics-text;q=0.6", OPEN),
        (
            "NAMED;q=0.5, application/openmetrics-text;q=0.5, text/plain;q=0.5",
            MESSAGES,
        ),
        ("NAMED;q=0.5, */*;q=0.5", MESSAGES),
        ("NAMED;q=0.5, */*;q=0.6", TEXT),
        (
            "application/vnd.google.protobuf, NAMED;q=0.2, text/plain;q=0.1",
            MESSAGES,
        ),
        ("NAMED;q=0.1, NAMED;q=0.3, text/plain;q=0.2", MESSAGES),
    ] {
        let accept = accept.replace("NAMED", NAMED);
        assert_eq!(native_type(&accept), expected, "{accept}");
        // Never where it is not offered.
        assert_ne!(content_type(&accept), MESSAGES, "{accept}");
    }
    let dots = headers(&ACCEPT, &[&format!("{NAMED};escaping=dots")]);
    assert!(!Selection::of(&dots, true).dots);
}

#[test]
fn no_header_is_text_and_several_lines_are_one_list() {
    assert_eq!(Selection::of(&HeaderMap::new(), true).content_type, TEXT);
    let lines = headers(
        &ACCEPT,
        &["text/plain;q=0.5", "application/openmetrics-text;q=0.6"],
    );
    assert_eq!(Selection::of(&lines, true).content_type, OPEN);
    let lines = headers(&ACCEPT, &["\u{e4}\u{f6}", "application/openmetrics-text"]);
    assert_eq!(Selection::of(&lines, true).content_type, OPEN);
}

#[test]
fn the_content_types_are_the_formats_own_and_no_two_are_alike() {
    assert_eq!(TEXT, Format::Text004.content_type());
    assert_eq!(OPEN, Format::OpenMetrics100.content_type());
    assert_eq!(MESSAGES, Format::Protobuf.content_type());
    let all: std::collections::HashSet<_> = OPEN_METRICS_TYPES
        .iter()
        .chain([&TEXT, &MESSAGES])
        .collect();
    assert_eq!(all.len(), 7);
}

#[test]
fn gzip_is_used_only_where_it_is_wanted() {
    let cases = [
        ("gzip", true),
        ("GZIP", true),
        ("x-gzip", true),
        ("gzip;q=0", false),
        ("gzip;q=0.0", false),
        ("gzip; q=0.001", true),
        ("deflate, gzip;q=1.0, *;q=0.5", true),
        ("*", true),
        ("*;q=0", false),
        ("gzip;q=0, *", false),
        ("identity", false),
        ("identity;q=0.5, gzip;q=0.4", false),
        ("identity;q=0.5, gzip;q=0.5", true),
        ("identity;q=0", false),
        // A coding that is not named has the weight of `*`.
        ("gzip;q=0.5, *;q=0.8", false),
        ("gzip;q=0.8, *;q=0.5", true),
        ("gzip;q=0.5, *;q=0", true),
        ("identity;q=0.5, *", true),
        ("br, zstd", false),
        ("gzip;q=abc", false),
        ("", false),
    ];
    for (accepts, expected) in cases {
        assert_eq!(
            Selection::of(&headers(&ACCEPT_ENCODING, &[accepts]), false).gzip,
            expected,
            "{accepts}"
        );
    }
    assert!(!Selection::of(&HeaderMap::new(), true).gzip);
}

#[test]
fn health_json_is_for_who_names_it_and_likes_plain_json_no_better() {
    for (accept, expected) in [
        ("", false),
        ("*/*", false),
        ("application/json", false),
        ("application/*", false),
        ("application/health+json", true),
        ("Application/Health+JSON; charset=utf-8", true),
        ("application/health+json;q=0", false),
        ("application/health+json;q=2", false),
        ("application/health+json, application/json", true),
        (
            "application/health+json;q=0.5, application/json;q=0.6",
            false,
        ),
        (
            "application/health+json;q=0.5, application/json;q=0.4, */*",
            true,
        ),
        ("application/health+json;q=0.5, */*", false),
        ("application/json;q=0.9, application/health+json", true),
        ("text/html, application/health+json;q=0.1", true),
    ] {
        let headers = headers(&ACCEPT, &[accept]);
        assert_eq!(
            Selection::of(&headers, true).health_json,
            expected,
            "{accept}"
        );
    }
}
