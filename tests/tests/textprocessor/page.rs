//! A strict reader of the text format 0.0.4, and questions to a page.

use std::collections::{BTreeMap, BTreeSet};

/// Labels by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// One page of `/metrics`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// Family name to type.
    pub(crate) types: BTreeMap<String, String>,
    /// Series (name and labels) to value.
    pub samples: BTreeMap<(String, Labels), f64>,
}

impl Page {
    /// Reads a page; anything malformed or repeated fails the test.
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut page = Self {
            types: BTreeMap::new(),
            samples: BTreeMap::new(),
        };
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').expect("name and type");
                assert_eq!(
                    page.types.insert(name.into(), kind.into()),
                    None,
                    "{name} has one TYPE"
                );
            } else if !line.starts_with("# HELP ") {
                let (series, value) = sample(line);
                assert_eq!(page.samples.insert(series, value), None, "repeated: {line}");
            }
        }
        page
    }

    /// The value of the only series of this name.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.get(name, &[]).unwrap_or_else(|| panic!("no {name}"))
    }

    /// The value of one series.
    pub(crate) fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }

    /// All series of a name.
    pub(crate) fn series<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Labels, f64)> {
        self.samples
            .iter()
            .filter(move |((n, _), _)| n == name)
            .map(|((_, labels), value)| (labels, *value))
    }

    /// The sum over the series of a name that have this label; all of them for an empty label name.
    pub(crate) fn sum(&self, name: &str, label: &str, value: &str) -> f64 {
        let wanted =
            |labels: &Labels| label.is_empty() || labels.get(label).is_some_and(|v| v == value);
        self.series(name)
            .filter(|(labels, _)| wanted(labels))
            .map(|(_, value)| value)
            .sum()
    }

    /// The sum over all series of a name.
    pub(crate) fn total(&self, name: &str) -> f64 {
        self.sum(name, "", "")
    }

    /// The values a label has over the series of a name.
    pub(crate) fn label_values(&self, name: &str, label: &str) -> BTreeSet<String> {
        self.series(name)
            .filter_map(|(labels, _)| labels.get(label).cloned())
            .collect()
    }
}

fn sample(line: &str) -> ((String, Labels), f64) {
    let name_end = line
        .find(['{', ' '])
        .unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = read_labels(inside, &mut labels).unwrap_or_else(|| panic!("bad labels: {line}"));
    }
    let value = rest
        .strip_prefix(' ')
        .unwrap_or_else(|| panic!("no value: {line}"));
    ((name.to_owned(), labels), number(value))
}

/// Reads labels up to and with the closing brace; gives what follows.
fn read_labels<'a>(mut rest: &'a str, labels: &mut Labels) -> Option<&'a str> {
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some(after);
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        if labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        rest = after.strip_prefix(',').unwrap_or(after);
    }
}

/// Reads to the closing quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            _ => value.push(c),
        }
    }
    None
}

/// A number as Prometheus writes it.
pub(crate) fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ => text.parse().unwrap_or_else(|_| panic!("no number: {text}")),
    }
}
