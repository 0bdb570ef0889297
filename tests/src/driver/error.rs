//! An exception of a case as a Rust error: its Debug begins with its class, its Display is its message.

use std::error::Error;
use std::fmt;

use crate::case::Raised;

/// An exception of a case.
pub(crate) struct CaseError {
    class: String,
    message: String,
    source: Option<Box<CaseError>>,
}

impl CaseError {
    /// The error, with its cause as its source.
    pub(crate) fn new(raised: &Raised) -> Self {
        let led_to_it = raised.cause.as_deref().or(raised.during.as_deref());
        Self {
            class: raised.class.clone(),
            message: raised.display(),
            source: led_to_it.map(|raised| Box::new(Self::new(raised))),
        }
    }

    /// The name of its type.
    pub(crate) fn class(&self) -> &str {
        &self.class
    }
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", self.class, self.message)
    }
}

impl Error for CaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
