//! A second, naive implementation of the negotiation, and 10,000 generated headers on which both must agree.
//!
//! It shares nothing with the first: it reads a header letter by letter, looks weights up in a list of all that
//! exist, and finds the winner by trying the levels of closeness one after the other.

use std::collections::HashMap;
use std::sync::LazyLock;

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING};
use proptest::prelude::*;

use super::tests::headers;
use super::{Format, OPEN_METRICS_TYPES, Selection, TEXT_TYPE};

/// An element of a list: its name and its parameters, in lower case and without quotes.
type Element = (String, Vec<(String, String)>);

/// The state of reading a line: parts and elements that have not ended.
#[derive(Default)]
struct Reader {
    parts: Vec<String>,
    part: String,
    elements: Vec<Vec<String>>,
    quoted: bool,
}

impl Reader {
    fn read(line: &str) -> Vec<Vec<String>> {
        let mut reader = Self::default();
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            match (letter, reader.quoted) {
                ('\\', true) => {
                    reader.part.push(letter);
                    reader.part.extend(letters.next());
                }
                (';', false) => reader.end_part(),
                (',', false) => reader.end_element(),
                _ => {
                    reader.quoted ^= letter == '"';
                    reader.part.push(letter);
                }
            }
        }
        reader.end_element();
        reader.elements
    }

    fn end_part(&mut self) {
        let part = std::mem::take(&mut self.part);
        if !part.trim().is_empty() {
            self.parts.push(part.trim().to_owned());
        }
    }

    fn end_element(&mut self) {
        self.end_part();
        self.elements.push(std::mem::take(&mut self.parts));
    }
}

fn elements(lines: &[String]) -> Vec<Element> {
    let readable = |line: &&String| line.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let mut all = Vec::new();
    for line in lines.iter().filter(readable) {
        for mut parts in Reader::read(line) {
            if !parts.is_empty() {
                let name = parts.remove(0).to_lowercase();
                all.push((name, parts.iter().filter_map(|part| pair(part)).collect()));
            }
        }
    }
    all
}

fn pair(part: &str) -> Option<(String, String)> {
    let at = part.find('=')?;
    let value = part[at + 1..].trim();
    let value = if value.len() > 1 && value.starts_with('"') && value.ends_with('"') {
        let mut plain = String::new();
        let mut letters = value[1..value.len() - 1].chars();
        while let Some(letter) = letters.next() {
            if letter == '\\' {
                plain.extend(letters.next());
            } else {
                plain.push(letter);
            }
        }
        plain
    } else {
        value.to_owned()
    };
    Some((part[..at].trim().to_lowercase(), value.to_lowercase()))
}

fn first<'e>(element: &'e Element, name: &str) -> Option<&'e str> {
    let (_, value) = element.1.iter().find(|(other, _)| other == name)?;
    Some(value)
}

/// Every weight there is, in thousandths.
fn weights() -> HashMap<String, u32> {
    let mut all = HashMap::from([("0".to_owned(), 0), ("0.".to_owned(), 0)]);
    for one in ["1", "1.", "1.0", "1.00", "1.000"] {
        all.insert(one.to_owned(), 1000);
    }
    for thousandths in 0..1000 {
        let written = format!("0.{thousandths:03}");
        if thousandths % 10 == 0 {
            all.insert(written[..4].to_owned(), thousandths);
        }
        if thousandths % 100 == 0 {
            all.insert(written[..3].to_owned(), thousandths);
        }
        all.insert(written, thousandths);
    }
    all
}

/// The list without the elements whose weight is none, each with its weight.
fn weighed(lines: &[String]) -> Vec<(Element, u32)> {
    static KNOWN: LazyLock<HashMap<String, u32>> = LazyLock::new(weights);
    let weight = |element: &Element| match first(element, "q") {
        None => Some(1000),
        Some(q) => KNOWN.get(q).copied(),
    };
    elements(lines)
        .into_iter()
        .filter_map(|element| weight(&element).map(|weight| (element, weight)))
        .collect()
}

/// The weight and escaping of a type, from the closest level that anything is said on; and the number of that level.
fn judged<'e>(
    list: &'e [(Element, u32)],
    media: &str,
    any_of_its_kind: &str,
    version: &str,
) -> Option<(u32, Option<&'e str>, usize)> {
    let is_level = |element: &Element, level: usize| {
        let named = element.0 == media;
        let given = first(element, "version");
        match level {
            0 => named && given == Some(version),
            1 => named && given.is_none(),
            2 => named && given.is_some_and(|given| given != version),
            3 => element.0 == any_of_its_kind,
            _ => element.0 == "*/*",
        }
    };
    for level in 0..5 {
        let mut best: Option<(u32, Option<&str>, usize)> = None;
        for (element, weight) in list.iter().filter(|(element, _)| is_level(element, level)) {
            if best.is_none_or(|(best, ..)| *weight > best) {
                best = Some((*weight, first(element, "escaping"), level));
            }
        }
        if best.is_some() {
            return best;
        }
    }
    None
}

fn expected_type(lines: &[String]) -> &'static str {
    let list = weighed(lines);
    let open = judged(
        &list,
        "application/openmetrics-text",
        "application/*",
        "1.0.0",
    );
    let text = judged(&list, "text/plain", "text/*", "0.0.4");
    let text_weight = text.map_or(0, |(weight, ..)| weight);
    let is_open = match open {
        None | Some((0, ..)) => false,
        Some((weight, _, 4)) => weight > text_weight,
        Some((weight, ..)) => weight >= text_weight,
    };
    if !is_open {
        return TEXT_TYPE;
    }
    match open.and_then(|(_, escaping, _)| escaping) {
        None => OPEN_METRICS_TYPES[0],
        Some(asked) => {
            let ending = format!("; escaping={asked}");
            let mut types = OPEN_METRICS_TYPES.into_iter();
            let listed = types.find(|listed| listed.ends_with(&ending));
            listed.unwrap_or(OPEN_METRICS_TYPES[2])
        }
    }
}

/// With native histograms: the same, unless protobuf is named and nothing is liked better.
fn expected_native_type(lines: &[String]) -> &'static str {
    let list = weighed(lines);
    let is_named = |element: &Element| {
        element.0 == "application/vnd.google.protobuf"
            && first(element, "encoding") == Some("delimited")
            && first(element, "proto") == Some("io.prometheus.client.metricfamily")
    };
    let mut most = 0;
    for (element, weight) in &list {
        if is_named(element) && *weight > most {
            most = *weight;
        }
    }
    let open = judged(
        &list,
        "application/openmetrics-text",
        "application/*",
        "1.0.0",
    );
    let text = judged(&list, "text/plain", "text/*", "0.0.4");
    let above =
        |other: Option<(u32, Option<&str>, usize)>| other.is_some_and(|other| other.0 > most);
    if most == 0 || above(open) || above(text) {
        return expected_type(lines);
    }
    Format::Protobuf.content_type()
}

fn expected_gzip(lines: &[String]) -> bool {
    let list = weighed(lines);
    let best = |names: &[&str]| {
        let said = list
            .iter()
            .filter(|((name, _), _)| names.contains(&name.as_str()));
        said.map(|(_, weight)| *weight).max()
    };
    let any = best(&["*"]);
    let gzip = best(&["gzip", "x-gzip"]).or(any).unwrap_or(0);
    // Always acceptable where nothing is said of it, and never asked for then.
    let identity = best(&["identity"]).or(any).unwrap_or(0);
    gzip != 0 && identity <= gzip
}

/// Parameters and pieces of them: in either case, with spaces, quoted, escaped, cut off.
#[rustfmt::skip]
const PARAMETERS: &[&str] = &[
    ";q=0", ";q=0.0", ";q=0.", ";q=1", ";q=1.", ";q=1.000", "; Q=0.3", " ;\tq = 0.9 ",
    ";q=\"0.7\"", ";q=\"0.\\7\"", ";q=\"0.7", ";q=0.7\"", ";q=", ";q", ";q==1", ";q=.5", ";q=2", ";q=-1",
    ";q=+1", ";q=1.001", ";q=0.5555", ";q=NaN", ";q=inf", ";q=1e0", ";q=0,5", ";q=01", ";q=\"\"",
    ";version=1.0.0", ";Version=\"1.0.0\"", ";version=\"1.\\0.0\"", ";version=0.0.4", ";version=0.0.1",
    ";version=9.9", ";version=", ";version", ";escaping=allow-utf-8", ";ESCAPING=Allow-UTF-8",
    ";escaping=underscores", ";escaping=dots", ";escaping=\"d\\ots\"", ";escaping=\"d\\\\ots\"", ";escaping=values",
    ";escaping=\"<b>\"", ";escaping=", ";note=\"a,b;q=0\"", ";note=\"a\\\"b,\"", ";x=y", ";", ";=1", "=",
];

fn parameter() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(PARAMETERS).prop_map(str::to_owned),
        3 => (0_u32..=1000).prop_map(|weight| format!(";q={:.3}", f64::from(weight) / 1000.0)),
        3 => (0_u32..=10).prop_map(|weight| format!(";q={:.1}", f64::from(weight) / 10.0)),
        1 => "[ -~]{0,6}",
    ]
}

fn list_line(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let name = prop_oneof![
        8 => prop::sample::select(names).prop_map(str::to_owned),
        2 => prop::sample::select(names).prop_map(str::to_uppercase),
        1 => "[ -~]{0,12}",
    ];
    let element = (name, prop::collection::vec(parameter(), 0..4))
        .prop_map(|(name, parameters)| name + &parameters.concat());
    let separator = prop::sample::select(&[",", ", ", "\t,", ",,", " "][..]);
    let list = prop::collection::vec((element, separator), 0..6).prop_map(|elements| {
        let written = elements
            .into_iter()
            .map(|(element, separator)| element + separator);
        written.collect::<String>()
    });
    prop_oneof![20 => list, 1 => "[ -~\\t]{0,60}", 1 => "[ -~\u{e4}\u{20ac}]{0,20}"]
}

fn lines(names: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(list_line(names), 0..4)
}

const MEDIA: &[&str] = &[
    "application/openmetrics-text",
    "application/openmetrics-text",
    "application/openmetrics-text",
    "text/plain",
    "text/plain",
    "*/*",
    "text/*",
    "application/*",
    "application/vnd.google.protobuf",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    "application/vnd.google.protobuf;encoding=\"delimited\" ; proto=io.prometheus.client.MetricFamily",
    "text/html",
    "*",
];

const CODINGS: &[&str] = &[
    "gzip", "gzip", "x-gzip", "identity", "identity", "*", "*", "br", "deflate", "zstd",
];

fn sent(name: &http::HeaderName, lines: &[String]) -> HeaderMap {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    headers(name, &lines)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ten_thousand_accept_headers_are_judged_alike(lines in lines(MEDIA)) {
        let headers = sent(&ACCEPT, &lines);
        let answered = Selection::of(&headers, false).content_type;
        prop_assert_eq!(answered, expected_type(&lines), "{:?}", lines);
        let answered = Selection::of(&headers, true).content_type;
        prop_assert_eq!(answered, expected_native_type(&lines), "{:?}", lines);
    }

    #[test]
    fn ten_thousand_accept_encoding_headers_are_judged_alike(lines in lines(CODINGS)) {
        prop_assert_eq!(Selection::of(&sent(&ACCEPT_ENCODING, &lines), true).gzip, expected_gzip(&lines), "{:?}", lines);
    }
}
