//! Pages of `/metrics` as the cells of a table.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of a family that are not 0: the labels as they are written, and the value.
fn samples<'a>(page: &'a str, family: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
    let samples = page.lines().filter_map(move |line| {
        let labels = line.strip_prefix(family)?.strip_prefix('{')?;
        let (labels, value) = labels.rsplit_once("} ")?;
        Some((labels, value.parse().expect("a count")))
    });
    samples.filter(|(_, value)| *value != 0)
}

/// The value of a label, none of which has a quote in these services.
fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let begin = format!("{name}=\"");
    let value = labels.split_once(&begin).map_or("", |(_, value)| value);
    value.split('"').next().unwrap_or_default()
}

/// Sums by a label: `` `GET /pay` 20, `GET /report` 1 ``.
fn sums(page: &str, family: &str, by: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (labels, value) in samples(page, family) {
        *sums.entry(label(labels, by).to_owned()).or_default() += value;
    }
    sums
}

/// The methods that were called, and how often: `` `GET /pay` 20, `Pay` 20 ``, or `none`.
pub(crate) fn requests(page: &str) -> String {
    let requests = sums(page, "service_requests_total", "method").into_iter();
    listed(requests.map(|(method, calls)| format!("`{method}` {calls}")))
}

/// The failures of all methods by type: `` `http_404` 10 (expected), `panic` 1 ``, or `none`.
pub(crate) fn failures(page: &str) -> String {
    let expected: BTreeSet<&str> = samples(page, "service_expected_error")
        .map(|(labels, _)| label(labels, "type"))
        .collect();
    let failures = sums(page, "service_request_errors_total", "type").into_iter();
    listed(failures.map(|(name, calls)| {
        let is_expected = expected.contains(&*name);
        let mark = if is_expected { " (expected)" } else { "" };
        format!("`{name}` {calls}{mark}")
    }))
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

/// The calls in flight of all methods.
pub(crate) fn in_flight(page: &str) -> String {
    let calls = sums(page, "service_requests_in_flight", "method");
    calls.values().sum::<u64>().to_string()
}

/// True for a line of a page that is this text as a whole, so that 20 is not 200, or has a value above that of a text
/// like `series > 1`.
pub(crate) fn is_sample(line: &str, text: &str) -> bool {
    let Some((series, limit)) = text.split_once(" > ") else {
        return line == text;
    };
    let value = line.strip_prefix(series).map(|value| value.trim().parse());
    let limit: f64 = limit.parse().expect("a number");
    matches!(value, Some(Ok(value)) if limit < value)
}
