//! A strict parser of both formats, written from their specifications: refuses what any known parser refuses.

use std::collections::{BTreeMap, HashSet};

use super::super::Format;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// As written.
    pub(crate) timestamp: Option<String>,
    pub(crate) exemplar: Option<Exemplar>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// Seconds since 1970.
    pub(crate) at: f64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: String,
}

#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) families: Vec<Meta>,
    pub(crate) samples: Vec<Sample>,
}

type Checked<T> = Result<T, String>;

/// What a target's scrapes are written under, where they have no further labels.
const OF_PROMETHEUS: [&str; 8] = [
    "up",
    "scrape_body_size_bytes",
    "scrape_duration_seconds",
    "scrape_sample_limit",
    "scrape_samples_post_metric_relabeling",
    "scrape_samples_scraped",
    "scrape_series_added",
    "scrape_timeout_seconds",
];

pub(crate) fn parse(text: &str, format: Format) -> Checked<Page> {
    let mut page = Page::default();
    let mut lines: Vec<&str> = text.split('\n').collect();
    ensure(lines.pop() == Some(""), "the last line has no end")?;
    if format == Format::OpenMetrics100 {
        ensure(
            lines.pop() == Some("# EOF"),
            "the page does not end in # EOF",
        )?;
    }
    let mut own: Vec<Sample> = Vec::new();
    for line in lines {
        if let Some(meta) = line.strip_prefix("# ") {
            parse_meta(meta, format, &mut page, &mut own)
                .map_err(|fault| format!("{fault} in: {line}"))?;
        } else {
            let sample = parse_sample(line).map_err(|fault| format!("{fault} in: {line}"))?;
            ensure_or(
                sample.exemplar.is_none() || format == Format::OpenMetrics100,
                || format!("an exemplar in text: {line}"),
            )?;
            own.push(sample);
        }
    }
    end_family(&mut page, &mut own, format)?;
    check_clashes(&page.families, format == Format::OpenMetrics100)?;
    Ok(page)
}

/// The samples alone, of a page that may be a part of one.
pub(crate) fn samples(text: &str) -> Checked<Vec<Sample>> {
    let lines = text.split_terminator('\n');
    lines
        .filter(|line| !line.starts_with('#'))
        .map(parse_sample)
        .collect()
}

fn ensure(holds: bool, fault: &str) -> Checked<()> {
    ensure_or(holds, || fault.to_owned())
}

fn ensure_or(holds: bool, fault: impl FnOnce() -> String) -> Checked<()> {
    if holds { Ok(()) } else { Err(fault()) }
}

fn parse_meta(line: &str, format: Format, page: &mut Page, own: &mut Vec<Sample>) -> Checked<()> {
    let mut parts = line.splitn(3, ' ');
    let (keyword, name, rest) = (parts.next(), parts.next(), parts.next());
    let (Some(keyword), Some(name), Some(rest)) = (keyword, name, rest) else {
        return Err("too few parts".to_owned());
    };
    ensure(is_name(name, true), "bad family name")?;
    let last = page.families.last();
    if last.is_none_or(|family| family.name != name) {
        end_family(page, own, format)?;
        page.families.push(Meta {
            name: name.to_owned(),
            ..Meta::default()
        });
    }
    ensure(own.is_empty(), "metadata after samples")?;
    let family = page.families.last_mut().ok_or("no family")?;
    let (field, value) = match keyword {
        "HELP" => (
            &mut family.help,
            unescape(rest, format == Format::OpenMetrics100)?,
        ),
        "TYPE" => (&mut family.kind, rest.to_owned()),
        "UNIT" if format == Format::OpenMetrics100 => {
            ensure(name.ends_with(&format!("_{rest}")), "the unit is no suffix")?;
            (&mut family.unit, rest.to_owned())
        }
        _ => return Err("unknown keyword".to_owned()),
    };
    ensure(field.is_empty(), "metadata twice")?;
    *field = value;
    Ok(())
}

fn parse_sample(line: &str) -> Checked<Sample> {
    let name_end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, rest) = line.split_at(name_end);
    ensure(is_name(name, true), "bad sample name")?;
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (Vec::new(), rest),
    };
    let is_own = |(name, _): &(String, String)| name.starts_with("__");
    ensure(!labels.iter().any(is_own), "a label for a reader's own use")?;
    let is_bare = labels.iter().all(|(_, value)| value.is_empty());
    ensure(
        !(is_bare && OF_PROMETHEUS.contains(&name)),
        "a series that Prometheus writes itself",
    )?;
    let sorted = labels.windows(2).all(|pair| pair[0].0 < pair[1].0);
    ensure(sorted, "labels unsorted or twice")?;
    let value = value.strip_prefix(' ').ok_or("no space before the value")?;
    let (value, exemplar) = match value.split_once(" # ") {
        Some((value, exemplar)) => (value, Some(parse_exemplar(name, exemplar)?)),
        None => (value, None),
    };
    let (value, timestamp) = match value.split_once(' ') {
        Some((value, timestamp)) => (value, Some(timestamp.to_owned())),
        None => (value, None),
    };
    // Prometheus refuses a page with a negative one in the text format.
    let is_digit = |byte: u8| byte == b'.' || byte.is_ascii_digit();
    let digits = |text: &String| text.bytes().all(is_digit);
    ensure(timestamp.iter().all(digits), "bad timestamp")?;
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value: parse_number(value)?,
        timestamp,
        exemplar,
    })
}

fn parse_number(value: &str) -> Checked<f64> {
    let plain = value.bytes().all(|byte| b"0123456789.e+-".contains(&byte));
    ensure(
        plain || ["NaN", "+Inf", "-Inf"].contains(&value),
        "bad number",
    )?;
    value.parse().map_err(|_| "bad number".to_owned())
}

/// Of a bucket or a counter alone; at most 128 characters, each label once.
fn parse_exemplar(name: &str, text: &str) -> Checked<Exemplar> {
    let is_allowed = name.ends_with("_bucket") || name.ends_with("_total");
    ensure(is_allowed, "an exemplar of another sample")?;
    let rest = text.strip_prefix('{').ok_or("no labels of an exemplar")?;
    let (labels, rest) = match rest.strip_prefix('}') {
        Some(rest) => (Vec::new(), rest),
        None => parse_labels(rest)?,
    };
    let chars = labels
        .iter()
        .map(|(name, value)| name.chars().count() + value.chars().count());
    ensure(chars.sum::<usize>() <= 128, "a long exemplar")?;
    let is_own = |(name, _): &(String, String)| name.starts_with("__");
    ensure(
        !labels.iter().any(is_own),
        "a label of an exemplar for a reader's own use",
    )?;
    let mut names = HashSet::new();
    ensure(
        labels.iter().all(|(name, _)| names.insert(name)),
        "a label of an exemplar twice",
    )?;
    let rest = rest.strip_prefix(' ').ok_or("no value of an exemplar")?;
    let (value, at) = rest.split_once(' ').ok_or("no time of an exemplar")?;
    Ok(Exemplar {
        labels,
        value: parse_number(value)?,
        at: parse_number(at)?,
    })
}

fn parse_labels(mut rest: &str) -> Checked<(Vec<(String, String)>, &str)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("no label")?;
        ensure_or(is_name(name, false), || format!("bad label name `{name}`"))?;
        let end = end_of_value(after).ok_or("no end of a label value")?;
        labels.push((name.to_owned(), unescape(&after[..end], true)?));
        rest = &after[end + 1..];
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        rest = rest.strip_prefix(',').ok_or("no comma")?;
    }
}

fn end_of_value(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    })
}

fn unescape(text: &str, quotes: bool) -> Checked<String> {
    let mut answer = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => answer.push(match chars.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('"') if quotes => '"',
                _ => return Err("bad escape".to_owned()),
            }),
            '"' if quotes => return Err("bare quote".to_owned()),
            c => answer.push(c),
        }
    }
    Ok(answer)
}

fn is_name(text: &str, colon: bool) -> bool {
    let ok = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric() || (colon && byte == b':');
    !text.is_empty() && text.bytes().all(ok) && !text.as_bytes()[0].is_ascii_digit()
}

fn end_family(page: &mut Page, own: &mut Vec<Sample>, format: Format) -> Checked<()> {
    let samples = std::mem::take(own);
    let Some(family) = page.families.last() else {
        return ensure(samples.is_empty(), "samples before any family");
    };
    let open = format == Format::OpenMetrics100;
    let mut seen = HashSet::new();
    let is_named = open || family.kind != "counter" || family.name != "_total";
    ensure(is_named, "a counter without a name")?;
    for sample in &samples {
        let suffix = sample
            .name
            .strip_prefix(&family.name)
            .ok_or("a sample of another family")?;
        let allowed: &[&str] = match (&*family.kind, open) {
            ("counter", true) => &["_total"],
            ("histogram", _) => &["_bucket", "_count", "_sum"],
            ("summary", _) => &["", "_count", "_sum"],
            ("counter" | "untyped", false) | ("unknown", true) | ("gauge", _) => &[""],
            _ => return Err(format!("type `{}` of {}", family.kind, family.name)),
        };
        ensure_or(allowed.contains(&suffix), || {
            format!("{} is no sample of {family:?}", sample.name)
        })?;
        let counts = matches!(suffix, "_total" | "_bucket" | "_count" | "_sum");
        ensure_or(!counts || sample.value >= 0.0, || {
            format!("{sample:?} is no count")
        })?;
        let series = (sample.name.clone(), sample.labels.clone());
        ensure_or(seen.insert(series), || format!("{sample:?} twice"))?;
    }
    if family.kind == "histogram" {
        check_histogram(&family.name, &samples)?;
    }
    page.samples.extend(samples);
    Ok(())
}

fn check_histogram(name: &str, samples: &[Sample]) -> Checked<()> {
    let mut groups: BTreeMap<Vec<(String, String)>, Vec<&Sample>> = BTreeMap::new();
    let mut last = None;
    for sample in samples {
        let labels = sample.labels.iter().filter(|label| label.0 != "le");
        let group: Vec<_> = labels.cloned().collect();
        ensure(
            last.as_ref() == Some(&group) || !groups.contains_key(&group),
            "interleaved",
        )?;
        groups.entry(group.clone()).or_default().push(sample);
        last = Some(group);
    }
    for samples in groups.values() {
        let of = |suffix: &str| {
            let name = format!("{name}{suffix}");
            samples.iter().filter(move |sample| sample.name == name)
        };
        let mut bounds = Vec::new();
        for bucket in of("_bucket") {
            let mut labels = bucket.labels.iter();
            let le = labels.find(|label| label.0 == "le").ok_or("no le")?;
            bounds.push((le.1.parse::<f64>().map_err(|_| "bad le")?, bucket.value));
        }
        let rising = bounds
            .windows(2)
            .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        ensure_or(rising, || format!("{name}: buckets out of order"))?;
        let total = bounds
            .last()
            .filter(|last| last.0.is_infinite())
            .ok_or("no +Inf")?;
        let (count, sum) = (of("_count").next(), of("_sum").next());
        ensure(count.is_some() == sum.is_some(), "count or sum alone")?;
        ensure(
            count.is_none_or(|count| count.value.total_cmp(&total.1).is_eq()),
            "count is not +Inf",
        )?;
        ensure(
            sum.is_none() || bounds[0].0 >= 0.0,
            "a sum with a negative bound",
        )?;
    }
    Ok(())
}

/// No two families may share a name any of their samples could have.
fn check_clashes(families: &[Meta], open: bool) -> Checked<()> {
    let mut seen = HashSet::new();
    for family in families {
        let (base, suffixes): (&str, &[&str]) = match &*family.kind {
            // In the text format a counter may have any name; the other format has it under this one without `_total`.
            "counter" if open => (&family.name, &["", "_total", "_created"]),
            "counter" => match family.name.strip_suffix("_total") {
                Some(base) => (base, &["", "_total", "_created"]),
                None => (&family.name, &[""]),
            },
            "histogram" => (&family.name, &["", "_bucket", "_count", "_sum", "_created"]),
            "summary" => (&family.name, &["", "_count", "_sum", "_created"]),
            _ => (&family.name, &[""]),
        };
        for suffix in suffixes {
            let name = format!("{base}{suffix}");
            ensure_or(seen.insert(name.clone()), || {
                format!("{name} belongs to two families")
            })?;
        }
    }
    Ok(())
}
