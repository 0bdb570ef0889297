//! `ErrorParser`: ordered rules, error text -> error type and status.

use std::error::Error;
use std::fmt;

/// An error as the parser sees it: its type's name and what can be read of it.
#[derive(Debug, Clone, Copy)]
pub struct ErrorView<'a> {
    /// The full name of its type, as `std::any::type_name` gives it; empty if unknown.
    pub type_name: &'a str,
    /// What can be read of it.
    pub text: ErrorText<'a>,
}

/// What can be read of an error.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum ErrorText<'a> {
    /// A std error: Display and its chain of sources.
    Error(&'a (dyn Error + 'a)),
    /// Display alone.
    Display(&'a (dyn fmt::Display + 'a)),
    /// Debug alone.
    Debug(&'a (dyn fmt::Debug + 'a)),
    /// Nothing.
    Opaque,
}

impl fmt::Debug for ErrorText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error(_) => "Error",
            Self::Display(_) => "Display",
            Self::Debug(_) => "Debug",
            Self::Opaque => "Opaque",
        })
    }
}

/// Ordered rules: which words in an error's text mean which type, and to which status a type belongs.
#[derive(Debug, Clone, Default)]
pub struct ErrorRules;
