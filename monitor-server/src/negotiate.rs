//! `Accept` and `Accept-Encoding` to a format and an encoding, by the q-values of RFC 9110, section 12.4.2.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};
use monitor_core::exposition::Format;

/// In thousandths: `q=0.75` is 750. A weight has at most three decimals.
type Weight = u16;

const FULL: Weight = 1000;

/// What a scraper is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// The exposition format.
    pub(crate) format: Format,
    /// How names are escaped; `None` where the client says nothing of it, and in text 0.0.4, which knows nothing of it.
    pub(crate) escaping: Option<Escaping>,
}

impl Negotiated {
    /// The answer's `Content-Type`: one of a closed set of constants, never a text the client sent.
    pub(crate) fn content_type(self) -> &'static str {
        match (self.format, self.escaping) {
            (Format::OpenMetrics100, None) => OPEN_METRICS_TYPES[0],
            (Format::OpenMetrics100, Some(Escaping::AllowUtf8)) => OPEN_METRICS_TYPES[1],
            (Format::OpenMetrics100, Some(Escaping::Underscores)) => OPEN_METRICS_TYPES[2],
            (Format::OpenMetrics100, Some(Escaping::Dots)) => OPEN_METRICS_TYPES[3],
            (Format::OpenMetrics100, Some(Escaping::Values)) => OPEN_METRICS_TYPES[4],
            _ => TEXT_TYPE,
        }
    }
}

const TEXT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Without `escaping`, then with each value of it.
const OPEN_METRICS_TYPES: [&str; 5] = [
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
];

/// How names outside the classic alphabet are written. Ours are all inside it, so that the page is the same under each of
/// these but [`Dots`](Self::Dots), which doubles underscores in every name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escaping {
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl Escaping {
    /// What nobody knows is answered with the scheme that is always safe.
    fn from_param(value: &str) -> Self {
        match value {
            "allow-utf-8" => Self::AllowUtf8,
            "dots" => Self::Dots,
            "values" => Self::Values,
            _ => Self::Underscores,
        }
    }
}

/// Chooses between text and `OpenMetrics`: the one with the larger weight. A tie goes to the latter where the client names it, and to text
/// where only `*/*` speaks of it. Never a refusal: with nothing acceptable the answer is text.
pub(crate) fn format(headers: &HeaderMap) -> Negotiated {
    let mut ranges = Vec::new();
    for_each_element(headers, &ACCEPT, |element| {
        ranges.extend(Range::parse(element));
    });
    let open = best(&ranges, Range::open_metrics_rank);
    let text = best(&ranges, Range::text_rank);
    let text_weight = text.map_or(0, |text| text.weight);
    let wins = |open: &&Range| {
        open.weight > text_weight
            || (open.weight > 0 && open.weight == text_weight && open.kind != Kind::Any)
    };
    match open.filter(wins) {
        Some(open) => Negotiated {
            format: Format::OpenMetrics100,
            escaping: open.escaping,
        },
        None => Negotiated {
            format: Format::Text004,
            escaping: None,
        },
    }
}

/// Whether the answer may be compressed with gzip: the client takes it, and does not like `identity` better. A coding that
/// is not named has the weight of `*` (RFC 9110, section 12.5.3).
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for_each_element(headers, &ACCEPT_ENCODING, |element| {
        let (coding, params) = split_params(element);
        let Some(weight) = weight(&params) else {
            return;
        };
        match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = gzip.max(Some(weight)),
            "*" => any = any.max(Some(weight)),
            "identity" => identity = identity.max(Some(weight)),
            _ => {}
        }
    });
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && identity.or(any).is_none_or(|identity| gzip >= identity)
}

/// Whether health is wanted as `application/health+json`: only where the client names that, and likes nothing better that
/// plain JSON is.
pub(crate) fn prefers_health_json(headers: &HeaderMap) -> bool {
    let (mut health, mut json, mut application, mut any) = (None, None, None, None);
    for_each_element(headers, &ACCEPT, |element| {
        let (media, params) = split_params(element);
        let Some(weight) = weight(&params) else {
            return;
        };
        let place = match media.to_ascii_lowercase().as_str() {
            "application/health+json" => &mut health,
            "application/json" => &mut json,
            "application/*" => &mut application,
            "*/*" => &mut any,
            _ => return,
        };
        *place = (*place).max(Some(weight));
    });
    let json = json.or(application).or(any).unwrap_or(0);
    health.is_some_and(|health| health > 0 && health >= json)
}

/// A media range of `Accept` with what of its parameters matters here.
#[derive(Debug, Clone)]
struct Range {
    kind: Kind,
    version: Option<String>,
    escaping: Option<Escaping>,
    weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    OpenMetrics,
    AnyApplication,
    Text,
    AnyText,
    Any,
}

impl Range {
    /// `None` where the element cannot be read, or is of no kind that we produce.
    fn parse(element: &str) -> Option<Self> {
        let (media, params) = split_params(element);
        let kind = match media.to_ascii_lowercase().as_str() {
            "application/openmetrics-text" => Kind::OpenMetrics,
            "application/*" => Kind::AnyApplication,
            "text/plain" => Kind::Text,
            "text/*" => Kind::AnyText,
            "*/*" => Kind::Any,
            _ => return None,
        };
        Some(Self {
            kind,
            version: param(&params, "version"),
            escaping: param(&params, "escaping").map(|value| Escaping::from_param(&value)),
            weight: weight(&params)?,
        })
    }

    /// How closely this range describes `OpenMetrics` 1.0.0; the closest one's weight counts (RFC 9110, section 12.5.1).
    /// Another version is a weak match: who takes any `OpenMetrics` can read this one.
    fn open_metrics_rank(&self) -> Option<u8> {
        match self.kind {
            Kind::OpenMetrics => Some(self.version_rank("1.0.0")),
            Kind::AnyApplication => Some(1),
            Kind::Any => Some(0),
            Kind::Text | Kind::AnyText => None,
        }
    }

    /// The same for text 0.0.4.
    fn text_rank(&self) -> Option<u8> {
        match self.kind {
            Kind::Text => Some(self.version_rank("0.0.4")),
            Kind::AnyText => Some(1),
            Kind::Any => Some(0),
            Kind::OpenMetrics | Kind::AnyApplication => None,
        }
    }

    fn version_rank(&self, ours: &str) -> u8 {
        match self.version.as_deref() {
            Some(version) if version == ours => 4,
            None => 3,
            Some(_) => 2,
        }
    }
}

/// The closest range; of equally close ones the one with the largest weight, of these the first.
fn best(ranges: &[Range], rank: impl Fn(&Range) -> Option<u8>) -> Option<&Range> {
    let mut best: Option<((u8, Weight), &Range)> = None;
    for range in ranges {
        let Some(rank) = rank(range) else { continue };
        let key = (rank, range.weight);
        if best.is_none_or(|(best, _)| key > best) {
            best = Some((key, range));
        }
    }
    best.map(|(_, range)| range)
}

/// Calls `each` for every element of every line of a list header. A line that is not visible ASCII is passed over.
fn for_each_element(headers: &HeaderMap, name: &HeaderName, mut each: impl FnMut(&str)) {
    for line in headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok())
    {
        split_unquoted(line, ',').into_iter().for_each(&mut each);
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

fn split_params(element: &str) -> (&str, Vec<&str>) {
    let mut parts = split_unquoted(element, ';');
    if parts.is_empty() {
        return ("", parts);
    }
    let first = parts.remove(0);
    (first, parts)
}

/// The value of the first parameter of this name, unquoted, in lower case: none of those that matter here knows case.
fn param(params: &[&str], name: &str) -> Option<String> {
    params.iter().find_map(|param| {
        let (key, value) = param.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| unquoted(value.trim()).to_ascii_lowercase())
    })
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

/// The weight of an element: 1 without `q`; `None` where `q` is no weight, so that the element is passed over.
fn weight(params: &[&str]) -> Option<Weight> {
    param(params, "q").map_or(Some(FULL), |q| parse_weight(&q))
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

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
