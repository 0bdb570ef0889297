//! An exposition as a set of series, without its order and spelling.

use std::collections::{BTreeMap, BTreeSet};

use crate::value::{Val, parse_float};

/// A parsed exposition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Value by series: name and labels, sorted by label name. A repeated series has its last value.
    pub series: BTreeMap<String, Val>,
    /// Text of `HELP`, `TYPE` and `UNIT` by `KIND of NAME`, as written.
    pub meta: BTreeMap<String, String>,
    /// Series that were written more than once.
    pub repeated: BTreeSet<String>,
}

impl Page {
    /// Parses text 0.0.4 or `OpenMetrics`, as far as `compare.py` does: any line that is no comment is a series.
    pub fn parse(text: &str) -> Self {
        let mut page = Self::default();
        for line in text
            .split('\n')
            .filter(|line| !line.is_empty() && *line != "# EOF")
        {
            if let Some(comment) = line.strip_prefix("# ") {
                page.comment(comment);
            } else {
                let (key, value) = line.rsplit_once(' ').unwrap_or(("", line));
                page.insert(canonical(key), number_or_text(value));
            }
        }
        page
    }

    /// Without the families that the original has not, and that no key of a user's can have: `monitor_..` and `process_..`. The
    /// task status (W7) and the start of the process, which are compared, stay.
    #[must_use]
    pub fn without_additions(mut self) -> Self {
        let is_addition = |name: &str| {
            // As escaped by `dots`, too.
            let name = &name.replace("__", "_");
            let ours = name.starts_with("monitor_") || name.starts_with("process_");
            let compared = ["monitor_task_status", "process_start_time_seconds"];
            ours && !compared.iter().any(|kept| name.starts_with(kept))
        };
        self.series.retain(|series, _| !is_addition(series));
        self.meta
            .retain(|meta, _| !meta.split(' ').nth(2).is_some_and(is_addition));
        self
    }

    fn comment(&mut self, comment: &str) {
        let mut parts = comment.splitn(3, ' ');
        let (kind, name) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        self.meta.insert(
            format!("{kind} of {name}"),
            parts.next().unwrap_or_default().to_owned(),
        );
    }

    fn insert(&mut self, series: String, value: Val) {
        if self.series.insert(series.clone(), value).is_some() {
            self.repeated.insert(series);
        }
    }
}

fn number_or_text(value: &str) -> Val {
    parse_float(value).map_or_else(|| Val::text(value), Val::Float)
}

/// The key of a series: its name and its labels (escaped), sorted by name.
fn series_key(name: &str, mut labels: Vec<(String, String)>) -> String {
    if labels.is_empty() {
        return name.to_owned();
    }
    labels.sort();
    let written: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    format!("{name}{{{}}}", written.join(","))
}

/// The value of a label without its escapes; `None` for an escape that is none.
pub fn unescaped(written: &str) -> Option<String> {
    let mut chars = written.chars();
    let mut value = String::new();
    while let Some(c) = chars.next() {
        value.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            },
            plain => plain,
        });
    }
    Some(value)
}

/// Sorts the labels of a series as written; a series that is malformed stays as it is.
fn canonical(key: &str) -> String {
    parse_series(key).map_or_else(|| key.to_owned(), |(name, labels)| series_key(name, labels))
}

/// Name and labels of a series as written, with the escapes in the labels' values; `None` if it is malformed.
pub fn parse_series(key: &str) -> Option<(&str, Vec<(String, String)>)> {
    if !key.contains('{') {
        return Some((key, Vec::new()));
    }
    let (name, mut rest) = key.strip_suffix('}')?.split_once('{')?;
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"")?;
        let end = closing_quote(after)?;
        labels.push((label.to_owned(), after[..end].to_owned()));
        rest = &after[end + 1..];
        rest = match rest.strip_prefix(',') {
            Some(more) => more,
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some((name, labels))
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_quotes_in_values_respected() {
        let page = Page::parse("# HELP a b c\na{z=\"1\",b=\"x\\\"} y,{\"} 2.0\nplain +Inf\n");
        assert_eq!(page.series["a{b=\"x\\\"} y,{\",z=\"1\"}"], Val::Float(2.0));
        assert_eq!(page.series["plain"], Val::Float(f64::INFINITY));
        assert_eq!(page.meta["HELP of a"], "b c");
    }

    #[test]
    fn a_repeated_series_is_seen() {
        assert_eq!(
            Page::parse("a{x=\"1\",b=\"2\"} 1\na{b=\"2\",x=\"1\"} 2")
                .repeated
                .len(),
            1
        );
    }
}
