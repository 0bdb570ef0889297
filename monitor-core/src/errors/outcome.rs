//! How a call ended.

use crate::errors::ErrorView;

/// How a call ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It returned what it was asked for.
    Success,
    /// It failed with an error the configured rules classify.
    Error(ErrorView<'a>),
    /// It failed with an error whose type is known by name. A name the configuration does not list counts as `other`.
    ErrorType(&'a str),
    /// It failed as it may: counted as a failure of this type (`other` if the configuration does not list it), but no
    /// illness, so the task status stays as it is.
    Expected(&'a str),
    /// It panicked.
    Panic,
    /// It was dropped before it ended.
    Cancelled,
}
