//! What the attributes say of each method, over all its sites.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use crate::recording::site::{self, CallSite};

/// What holds for all calls of a method.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) task: Option<&'static str>,
    pub(crate) without_health: bool,
    pub(crate) bounds: Option<&'static [f64]>,
    /// Error types that are no illness, over all sites.
    pub(crate) expected: Vec<&'static str>,
    /// Error types that sites name beside those.
    pub(crate) error_types: Vec<&'static str>,
    pub(crate) limited: bool,
    pub(crate) streaming: bool,
    /// How many label sets its calls can have where all their labels have a closed set of values.
    pub(crate) closed_sets: usize,
}

/// Two places that count as one method.
///
/// That is right for two sites of one thing, and mixes two things up otherwise: what their attributes say of task type and
/// buckets then holds as the first site has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SharedMethod {
    /// The method.
    pub method: &'static str,
    /// File and line of the first site.
    pub first: (&'static str, u32),
    /// File and line of another one.
    pub other: (&'static str, u32),
}

impl fmt::Display for SharedMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            first,
            other,
        } = self;
        let ((file, line), (other_file, other_line)) = (first, other);
        write!(
            f,
            "two functions count as the method `{method}`: {file}:{line} and {other_file}:{other_line}"
        )
    }
}

/// The sites of the program by method, each method's in the order of their places.
fn by_method() -> BTreeMap<&'static str, Vec<&'static CallSite>> {
    let mut methods: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for site in site::all() {
        methods.entry(site.method()).or_default().push(site);
    }
    for sites in methods.values_mut() {
        sites.sort_by_key(|site| site.location());
    }
    methods
}

/// All methods with more than one site, with each further site.
pub(crate) fn shared_methods() -> Vec<SharedMethod> {
    let mut shared = Vec::new();
    for (method, sites) in by_method() {
        let Some((first, others)) = sites.split_first() else {
            continue;
        };
        shared.extend(others.iter().map(|other| SharedMethod {
            method,
            first: first.location(),
            other: other.location(),
        }));
    }
    // A function in a macro has one place, however often it is expanded.
    shared.dedup();
    shared
}

/// The settings of every method that has a site.
pub(crate) fn all() -> &'static BTreeMap<&'static str, Settings> {
    static SETTINGS: LazyLock<BTreeMap<&'static str, Settings>> = LazyLock::new(|| {
        let methods = by_method().into_iter();
        methods
            .map(|(method, sites)| (method, Settings::of(&sites)))
            .collect()
    });
    &SETTINGS
}

impl Settings {
    fn of(sites: &[&'static CallSite]) -> Self {
        let mut settings = Self::default();
        if let Some(first) = sites.first() {
            settings.task = first.task;
            settings.without_health = !first.health;
        }
        for site in sites {
            settings.bounds = settings.bounds.or(site.bounds);
            settings.limited |= site.limited;
            settings.streaming |= site.streaming;
            add_new(&mut settings.expected, site.expected);
            add_new(&mut settings.error_types, site.error_type.as_slice());
        }
        settings.closed_sets = closed_sets(sites);
        settings
    }
}

/// Sites with the same labels share their label sets.
fn closed_sets(sites: &[&'static CallSite]) -> usize {
    let sets = sites.iter().enumerate().filter_map(|(at, site)| {
        let is_new = sites[..at].iter().all(|other| !other.has_labels_of(site));
        is_new.then(|| site.closed_sets())
    });
    sets.fold(0, usize::saturating_add)
}

fn add_new(all: &mut Vec<&'static str>, some: &[&'static str]) {
    for name in some {
        if !all.contains(name) {
            all.push(name);
        }
    }
}
