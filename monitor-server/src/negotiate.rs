//! The form of an answer: one [`Selection`] from `Accept` and `Accept-Encoding`, by the q-values of RFC 9110, section
//! 12.4.2.
//!
//! Both headers are read into the same [`Element`]s. An element that cannot be read, or is of no kind that the server
//! produces, is passed over, and nothing is ever refused: with nothing acceptable the answer is text, uncompressed.
//! Protobuf is for clients that name it alone, message and framing included: no range stands for it.
//! Nothing that a client wrote is sent back; each answer's `Content-Type` is one of a closed set.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};
use monitor_core::exposition::Format;

/// In thousandths: `q=0.75` is 750. A weight has at most three decimals.
type Weight = u16;

const FULL: Weight = 1000;

const TEXT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The types of `OpenMetrics` without `escaping`, then with each value of it.
///
/// How names outside the classic alphabet are written: the server's are all inside it, so that the page is the same
/// under each of these but `dots`, which doubles underscores in every name.
const OPEN_METRICS_TYPES: [&str; 5] = [
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
];

/// The type of protobuf pages, and the parameters without which a client does not mean them.
const PROTOBUF: &str = "application/vnd.google.protobuf";
const PROTOBUF_PARAMETERS: [(&str, &str); 2] = [
    ("proto", "io.prometheus.client.metricfamily"),
    ("encoding", "delimited"),
];

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The exposition format of pages.
    pub(crate) format: Format,
    /// Their `Content-Type`.
    pub(crate) content_type: &'static str,
    /// Whether the scheme `dots` is asked for. Text 0.0.4 has no escaping, and protobuf asks for none.
    pub(crate) dots: bool,
    /// Whether the answer may be compressed with gzip: the client takes it, and does not like `identity` better.
    pub(crate) gzip: bool,
    /// Whether health is wanted as `application/health+json`: only where the client names that, and likes nothing
    /// better that plain JSON is.
    pub(crate) health_json: bool,
}

impl Selection {
    /// The form that these headers ask for. Protobuf is offered by a server with native histograms alone.
    pub(crate) fn of(headers: &HeaderMap, native_histograms: bool) -> Self {
        let accept = elements(headers, &ACCEPT);
        let (format, content_type) = if native_histograms && prefers_protobuf(&accept) {
            (Format::Protobuf, Format::Protobuf.content_type())
        } else {
            text_format(&accept)
        };
        Self {
            format,
            content_type,
            dots: content_type == OPEN_METRICS_TYPES[3],
            gzip: cfg!(feature = "gzip") && takes_gzip(&elements(headers, &ACCEPT_ENCODING)),
            health_json: takes_health_json(&accept),
        }
    }
}

/// Whether the client is a browser that wants a document: it names HTML, and likes plain text no better. No range stands
/// for HTML, as scripts, scrapers and probes send those.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = elements(headers, &ACCEPT);
    let html = weight_of(&accept, &["text/html", "application/xhtml+xml"]);
    let text = weight_of(&accept, &["text/plain"]);
    html.is_some_and(|html| html > 0 && text.is_none_or(|text| html >= text))
}

/// One of the text formats, with its type.
fn text_format(accept: &[Element]) -> (Format, &'static str) {
    let Some(open) = open_metrics(accept) else {
        return (Format::Text004, TEXT_TYPE);
    };
    let escaping = match open.param("escaping").as_deref() {
        None => 0,
        Some("allow-utf-8") => 1,
        Some("dots") => 3,
        Some("values") => 4,
        // An unknown scheme is answered with the one that is always safe.
        Some(_) => 2,
    };
    (Format::OpenMetrics100, OPEN_METRICS_TYPES[escaping])
}

/// Whether protobuf has the largest weight; a tie goes to it, as it is named and the others may be ranges.
fn prefers_protobuf(accept: &[Element]) -> bool {
    let is_ours = |element: &&Element| {
        element.name == PROTOBUF
            && PROTOBUF_PARAMETERS
                .iter()
                .all(|(name, value)| element.param(name).as_deref() == Some(value))
    };
    let named = accept.iter().filter(is_ours).map(|element| element.weight);
    let weight = named.max().unwrap_or(0);
    let others = [
        best(accept, "application/openmetrics-text", "1.0.0"),
        best(accept, "text/plain", "0.0.4"),
    ];
    let mut others = others.into_iter().flatten();
    weight > 0 && others.all(|other| other.weight <= weight)
}

/// Chooses between text and `OpenMetrics`: the one with the larger weight. A tie goes to the latter where the client
/// names it, and to text where only `*/*` speaks of it.
fn open_metrics<'e>(accept: &'e [Element<'e>]) -> Option<&'e Element<'e>> {
    let open = best(accept, "application/openmetrics-text", "1.0.0")?;
    let text = best(accept, "text/plain", "0.0.4").map_or(0, |text| text.weight);
    let is_tie = open.weight == text && open.weight > 0;
    (open.weight > text || (is_tie && open.name != "*/*")).then_some(open)
}

/// The element that describes a media type of ours most closely; of equally close ones the one with the largest weight,
/// of these the first. The closest one's weight counts (RFC 9110, section 12.5.1). Another version is a weak match: a
/// client that takes any `OpenMetrics` can read this one.
fn best<'e>(accept: &'e [Element<'e>], media: &str, version: &str) -> Option<&'e Element<'e>> {
    let kind = media.split('/').next();
    let closeness = |element: &Element| match &*element.name {
        name if name == media => Some(match element.param("version") {
            Some(other) if other != version => 2,
            None => 3,
            Some(_) => 4,
        }),
        "*/*" => Some(0),
        name => (name.strip_suffix("/*") == kind).then_some(1),
    };
    let ranked = accept.iter().rev();
    let ranked = ranked.filter_map(|element| Some((closeness(element)?, element)));
    let best = ranked.max_by_key(|(closeness, element)| (*closeness, element.weight));
    best.map(|(_, element)| element)
}

/// A coding that is not named has the weight of `*` (RFC 9110, section 12.5.3).
fn takes_gzip(encodings: &[Element]) -> bool {
    let any = weight_of(encodings, &["*"]);
    let gzip = weight_of(encodings, &["gzip", "x-gzip"])
        .or(any)
        .unwrap_or(0);
    let identity = weight_of(encodings, &["identity"]).or(any);
    gzip > 0 && identity.is_none_or(|identity| gzip >= identity)
}

fn takes_health_json(accept: &[Element]) -> bool {
    let json = best(accept, "application/json", "").map_or(0, |json| json.weight);
    let health = weight_of(accept, &["application/health+json"]);
    health.is_some_and(|health| health > 0 && health >= json)
}

/// The largest weight of the elements with one of these names.
fn weight_of(elements: &[Element], names: &[&str]) -> Option<Weight> {
    let having = elements
        .iter()
        .filter(|element| names.contains(&&*element.name));
    having.map(|element| element.weight).max()
}

/// An element of a list header.
#[derive(Debug)]
struct Element<'h> {
    /// In lower case.
    name: String,
    params: Vec<&'h str>,
    weight: Weight,
}

/// The elements of every line of a list header, without those whose `q` is no weight. A line that is not visible ASCII
/// is passed over.
fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<Element<'h>> {
    let lines = headers.get_all(name).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let each = lines.flat_map(|line| split_unquoted(line, ','));
    let element = |element| {
        let mut params = split_unquoted(element, ';').into_iter();
        let mut element = Element {
            name: params.next()?.to_ascii_lowercase(),
            params: params.collect(),
            weight: FULL,
        };
        if let Some(q) = element.param("q") {
            element.weight = parse_weight(&q)?;
        }
        Some(element)
    };
    each.filter_map(element).collect()
}

impl Element<'_> {
    /// The value of the first parameter of this name, unquoted, in lower case: none of those that are read here depends
    /// on case.
    fn param(&self, name: &str) -> Option<String> {
        let mut pairs = self.params.iter().filter_map(|param| param.split_once('='));
        let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
        Some(unquoted(value.trim()).to_ascii_lowercase())
    }
}

/// Splits at a separator outside quoted strings; elements are trimmed, empty ones left out.
fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == separator && !quoted
    })
    .map(str::trim)
    .filter(|element| !element.is_empty())
    .collect()
}

/// The text of a quoted string, escapes resolved; any other value as it stands.
fn unquoted(value: &str) -> String {
    let inner = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let Some(inner) = inner else {
        return value.to_owned();
    };
    let mut escaped = false;
    let kept = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    inner.chars().filter(kept).collect()
}

fn parse_weight(q: &str) -> Option<Weight> {
    let (whole, decimals) = q.split_once('.').unwrap_or((q, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: Weight = format!("{decimals:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(FULL),
        _ => None,
    }
}

/// A body that is in memory whole, compressed on a level from 1 (fastest) to 9 (best).
#[cfg(feature = "gzip")]
pub(crate) fn gzipped(body: &[u8], level: u32) -> Vec<u8> {
    use std::io::Write;

    let level = flate2::Compression::new(level);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.expect("writing to a vector does not fail")
}

/// Without the feature no client is taken to ask for it.
#[cfg(not(feature = "gzip"))]
pub(crate) fn gzipped(body: &[u8], _: u32) -> Vec<u8> {
    body.to_vec()
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
