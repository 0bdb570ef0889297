//! What is worth a line in the log when a service starts.

use std::fmt;

use crate::data::buckets::with_own_bounds;
use crate::recording::settings::{self, SharedMethod};
use crate::recording::site::IS_OFF;
use crate::recording::store::StorageCore;

/// Series above which a page is slow to read and a scraper's memory is worth a thought.
const MANY_SERIES: usize = 50_000;

/// Something in the program or its configuration that is allowed, and hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartUpWarning {
    /// The program was built with the feature `off`, of this crate or of `monitor-macros`: monitored functions record nothing.
    /// Any crate of the build may have set it, for all of them.
    InstrumentationOff,
    /// Two functions count as one method.
    SharedMethod(SharedMethod),
    /// An attribute names an error type that the configuration does not list; it counts as `other`.
    UnknownErrorType {
        /// The method.
        method: &'static str,
        /// The name.
        error_type: &'static str,
    },
    /// The methods with all label sets of closed sets of values make a large page, once calls have them.
    ManySeries {
        /// How many series.
        series: usize,
    },
}

impl fmt::Display for StartUpWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstrumentationOff => f.write_str(
                "monitored functions record nothing: the feature `off` is on; `cargo tree -e features -i monitor-macros` shows who sets it",
            ),
            Self::SharedMethod(shared) => shared.fmt(f),
            Self::UnknownErrorType { method, error_type } => write!(
                f,
                "the method `{method}` names the error type `{error_type}`, which the configuration does not list: it counts as `other`"
            ),
            Self::ManySeries { series } => write!(
                f,
                "the known methods, label values and error types make {series} series; more than {MANY_SERIES} are slow to scrape"
            ),
        }
    }
}

pub(crate) fn at_start_up(core: &'static StorageCore) -> Vec<StartUpWarning> {
    let mut warnings = Vec::new();
    warnings.extend(IS_OFF.then_some(StartUpWarning::InstrumentationOff));
    let shared = settings::shared_methods().into_iter();
    warnings.extend(shared.map(StartUpWarning::SharedMethod));
    let parser = &core.rules().parser;
    for (method, settings) in settings::all() {
        let named = settings.error_types.iter().chain(&settings.expected);
        let unknown = named.filter(|name| parser.type_id(name).is_none());
        warnings.extend(
            unknown.map(|error_type| StartUpWarning::UnknownErrorType { method, error_type }),
        );
    }
    let types = parser.types().len();
    let series = known_series(core, types).saturating_add(coming_series(core, types));
    if series > MANY_SERIES {
        warnings.push(StartUpWarning::ManySeries { series });
    }
    warnings
}

/// The series of the methods and label sets there are.
fn known_series(core: &StorageCore, types: usize) -> usize {
    let methods = core.methods();
    methods
        .map(|method| series_of(method.common.bounds.len(), types))
        .sum()
}

/// Those of the label sets that come with their first call, being too many to make before.
fn coming_series(core: &StorageCore, types: usize) -> usize {
    if !core.rules().config.preregister {
        return 0;
    }
    let labelled = settings::all()
        .iter()
        .filter(|(_, one)| one.closed_sets > 0);
    let coming = labelled.map(|(name, settings)| {
        let own = core.methods().filter(|method| *method.name == **name);
        let there = own.filter(|method| !method.labels.is_empty() && !method.origin.is_open());
        let bounds = settings.bounds.map_or(core.time_bounds.len(), |own| {
            with_own_bounds(&core.time_bounds, own).len()
        });
        let coming = settings.closed_sets.saturating_sub(there.count());
        coming.saturating_mul(series_of(bounds, types))
    });
    coming.fold(0, usize::saturating_add)
}

/// Requests, two outcomes, errors by type, two means, and the histogram with its bucket of infinity, sum and count.
fn series_of(bounds: usize, types: usize) -> usize {
    1 + 2 + types + 2 + bounds + 3
}
