//! The original's client library: families, children, and how they are written out.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::{self, Page, escape_help, escape_value, series_key};
use crate::value::Val;

/// What made the original raise; which exception it was does not matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raised;

/// Labels with their names as written, in the order given.
pub(crate) type Labels = Vec<(String, String)>;

/// What kind of family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// A counter: its name has no `_total`.
    Counter,
    /// A gauge.
    Gauge,
    /// A histogram over these bounds.
    Histogram(&'static [f64]),
}

/// A child's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram.
    Histogram(Counts),
}

impl Cell {
    /// The kind of family it belongs to.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Number(_) => Kind::Gauge,
            Self::Histogram(counts) => Kind::Histogram(counts.bounds),
        }
    }
}

/// A histogram's buckets (not cumulative, the last is `+Inf`) and sum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counts {
    bounds: &'static [f64],
    buckets: Vec<f64>,
    sum: f64,
}

impl Counts {
    /// Nothing observed.
    pub(crate) fn empty(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            buckets: vec![0.0; bounds.len() + 1],
            sum: 0.0,
        }
    }

    /// Counts a value: what is no number is in no bucket.
    pub(crate) fn observe(&mut self, value: f64) {
        self.sum += value;
        if !value.is_nan() {
            self.buckets[self.bounds.partition_point(|bound| *bound < value)] += 1.0;
        }
    }
}

/// A family.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    name: String,
    /// What kind it is.
    pub(crate) kind: Kind,
    help: String,
    /// Names of the labels beside `inittime`, of the first key seen.
    pub(crate) label_names: Vec<String>,
    /// Whether it was made for a key of the stats, and not for good.
    pub(crate) of_key: bool,
    children: BTreeMap<Labels, Cell>,
}

impl Family {
    /// Forgets all children.
    pub(crate) fn clear(&mut self) {
        self.children.clear();
    }

    /// The value of a child; made if need be.
    pub(crate) fn child(&mut self, labels: Labels) -> &mut Cell {
        let kind = self.kind;
        self.children.entry(labels).or_insert_with(|| match kind {
            Kind::Histogram(bounds) => Cell::Histogram(Counts::empty(bounds)),
            _ => Cell::Number(0.0),
        })
    }
}

/// All families, by the key they are found under.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    families: Vec<Family>,
    by_key: BTreeMap<String, usize>,
    taken: BTreeSet<String>,
}

/// In which format, and with which names a page is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing<'a> {
    /// Whether in `OpenMetrics`.
    pub(crate) open_metrics: bool,
    /// Whether a colon stays in the sample names of `OpenMetrics`.
    pub(crate) keep_colons: bool,
    /// Only samples of these names.
    pub(crate) only: Option<&'a BTreeSet<String>>,
}

impl Registry {
    /// Registers a family.
    ///
    /// # Errors
    ///
    /// If one of the names its samples could have is taken.
    pub(crate) fn create(
        &mut self,
        key: &str,
        name: &str,
        kind: Kind,
        help: &str,
        label_names: Vec<String>,
    ) -> Result<&mut Family, Raised> {
        let suffixes: &[&str] = match kind {
            Kind::Counter => &["", "_total", "_created"],
            Kind::Gauge => &[""],
            Kind::Histogram(_) => &["", "_bucket", "_sum", "_count", "_created"],
        };
        let names: Vec<_> = suffixes
            .iter()
            .map(|suffix| format!("{name}{suffix}"))
            .collect();
        if names.iter().any(|name| self.taken.contains(name)) {
            return Err(Raised);
        }
        self.taken.extend(names);
        self.by_key.insert(key.to_owned(), self.families.len());
        self.families.push(Family {
            name: name.to_owned(),
            kind,
            help: help.to_owned(),
            label_names,
            of_key: false,
            children: BTreeMap::new(),
        });
        self.get(key).ok_or(Raised)
    }

    /// The family found under a key.
    pub(crate) fn get(&mut self, key: &str) -> Option<&mut Family> {
        self.by_key.get(key).map(|at| &mut self.families[*at])
    }

    /// Sets the only child of a family.
    ///
    /// # Errors
    ///
    /// If the family has labels, or is none whose value can be set.
    pub(crate) fn set(&mut self, key: &str, value: f64) -> Result<(), Raised> {
        match self.get(key) {
            Some(family) if family.label_names.is_empty() && family.kind == Kind::Gauge => {
                *family.child(Vec::new()) = Cell::Number(value);
                Ok(())
            }
            _ => Err(Raised),
        }
    }

    /// Adds to the only child of a counter, and gives its value.
    ///
    /// # Errors
    ///
    /// If the amount is negative.
    pub(crate) fn inc(&mut self, key: &str, by: f64) -> Result<f64, Raised> {
        match self.get(key).map(|family| family.child(Vec::new())) {
            Some(Cell::Number(number)) if by >= 0.0 => {
                *number += by;
                Ok(*number)
            }
            _ => Err(Raised),
        }
    }

    /// Forgets the children of the gauges made for keys.
    pub(crate) fn clear_gauges_of_keys(&mut self) {
        for family in self
            .families
            .iter_mut()
            .filter(|family| family.of_key && family.kind == Kind::Gauge)
        {
            family.children.clear();
        }
    }

    /// Writes all families.
    pub(crate) fn page(&self, writing: Writing<'_>) -> Page {
        let mut page = Page::default();
        for family in &self.families {
            family.write(writing, &mut page);
        }
        page
    }
}

/// Whether a sample is asked for.
fn asked(writing: Writing<'_>, name: &str) -> bool {
    writing.only.is_none_or(|names| names.contains(name))
}

impl Family {
    fn write(&self, writing: Writing<'_>, page: &mut Page) {
        let mut any = false;
        for (labels, cell) in &self.children {
            for (name, le, value) in self
                .samples(cell)
                .into_iter()
                .filter(|(name, ..)| asked(writing, name))
            {
                any = true;
                page.insert(
                    series_key(&sample_name(&name, writing), written(labels, le.as_deref())),
                    Val::Float(value),
                );
            }
        }
        if any || writing.only.is_none() {
            self.write_meta(writing, page);
        }
    }

    fn write_meta(&self, writing: Writing<'_>, page: &mut Page) {
        let (kind, suffix) = match self.kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram(_) => ("histogram", ""),
        };
        let suffix = if writing.open_metrics { "" } else { suffix };
        let name = escape_name(&format!("{}{suffix}", self.name), true);
        let help = if writing.open_metrics {
            escape_value(&self.help)
        } else {
            escape_help(&self.help)
        };
        page.meta.insert(format!("HELP of {name}"), help);
        page.meta.insert(format!("TYPE of {name}"), kind.to_owned());
    }

    /// Names, bounds and values of a child's samples.
    fn samples(&self, cell: &Cell) -> Vec<(String, Option<String>, f64)> {
        let name = &self.name;
        let counts = match cell {
            Cell::Number(number) => {
                let suffix = if self.kind == Kind::Counter {
                    "_total"
                } else {
                    ""
                };
                return vec![(format!("{name}{suffix}"), None, *number)];
            }
            Cell::Histogram(counts) => counts,
        };
        let mut count = 0.0;
        let bounds = counts.bounds.iter().copied().chain([f64::INFINITY]);
        let mut samples = Vec::new();
        for (bound, bucket) in bounds.zip(&counts.buckets) {
            count += bucket;
            samples.push((format!("{name}_bucket"), Some(page::le(bound)), count));
        }
        samples.push((format!("{name}_count"), None, count));
        samples.push((format!("{name}_sum"), None, counts.sum));
        samples
    }
}

/// Labels as written out: of equal names the last one counts, then names are escaped.
fn written(labels: &Labels, le: Option<&str>) -> Labels {
    let mut all = BTreeMap::from([("inittime", "<INITTIME>")]);
    all.extend(
        labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    all.extend(le.map(|le| ("le", le)));
    all.into_iter()
        .map(|(name, value)| (escape_name(name, false), escape_value(value)))
        .collect()
}

fn sample_name(name: &str, writing: Writing<'_>) -> String {
    escape_name(name, !writing.open_metrics || writing.keep_colons)
}

/// A name with `_` for what is outside the alphabet.
pub(crate) fn escape_name(name: &str, colons: bool) -> String {
    let valid = |(at, c): (usize, char)| {
        c == '_'
            || c.is_ascii_alphabetic()
            || (c.is_ascii_digit() && at > 0)
            || (colons && c == ':')
    };
    name.chars()
        .enumerate()
        .map(|(at, c)| if valid((at, c)) { c } else { '_' })
        .collect()
}
