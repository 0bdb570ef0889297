//! A strict reader of the text format 0.0.4, and questions to a page.

use std::collections::{BTreeMap, BTreeSet};

use monitor_tests::page::{parse_series, unescaped};
use monitor_tests::value::parse_float;

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
    let read = || {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, written) = parse_series(series)?;
        let count = written.len();
        let labels = written
            .into_iter()
            .map(|(name, value)| Some((name, unescaped(&value)?)));
        let labels: Labels = labels.collect::<Option<_>>()?;
        let is_sound = labels.len() == count && !name.contains(' ');
        is_sound.then(|| ((name.to_owned(), labels), number(value)))
    };
    read().unwrap_or_else(|| panic!("no sample: {line}"))
}

/// A number as Prometheus writes it.
pub(crate) fn number(text: &str) -> f64 {
    parse_float(text).unwrap_or_else(|| panic!("no number: {text}"))
}
