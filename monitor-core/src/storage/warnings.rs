//! What is worth a line in the log when a service starts.

use std::fmt;

use crate::call::method::MethodCore;
use crate::call::settings::{self, SharedMethod};
use crate::storage::core::StorageCore;

/// Series above which a page is slow to read and a scraper's memory is worth a thought.
const MANY_SERIES: usize = 50_000;

/// Something in the program or its configuration that is allowed, and hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartUpWarning {
    /// Two functions count as one method.
    SharedMethod(SharedMethod),
    /// An attribute names an error type that the configuration does not list; it counts as `other`.
    UnknownErrorType {
        /// The method.
        method: &'static str,
        /// The name.
        error_type: &'static str,
    },
    /// The methods and label sets known so far make a large page.
    ManySeries {
        /// How many series.
        series: usize,
    },
}

impl fmt::Display for StartUpWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
    let shared = settings::shared_methods().into_iter();
    let mut warnings: Vec<_> = shared.map(StartUpWarning::SharedMethod).collect();
    let parser = &core.rules().parser;
    for (method, settings) in settings::all() {
        let named = settings.error_types.iter().chain(&settings.expected);
        let unknown = named.filter(|name| parser.type_id(name).is_none());
        warnings.extend(
            unknown.map(|error_type| StartUpWarning::UnknownErrorType { method, error_type }),
        );
    }
    let types = parser.types().len();
    let series: usize = core.methods().map(|method| series_of(method, types)).sum();
    if series > MANY_SERIES {
        warnings.push(StartUpWarning::ManySeries { series });
    }
    warnings
}

/// Requests, two outcomes, errors by type, two means, and the histogram with its bucket of infinity, sum and count.
fn series_of(method: &MethodCore, types: usize) -> usize {
    1 + 2 + types + 2 + method.common.bounds.len() + 3
}
