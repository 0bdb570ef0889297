//! The outcome of a call whose service returned an error instead of a response.
//!
//! Its type is the one that the error or one of its sources names, or that the configured rules find in their texts; else
//! one by the first error of the chain that is of a known kind:
//!
//! | type | errors |
//! |---|---|
//! | `connect` | no connection came about: refused, unreachable, a name without an address, a failed handshake |
//! | `connection_lost` | the connection ended too early: reset, aborted, a broken pipe, an unexpected end |
//! | `timeout` | a time limit: of the operating system, of `tower`, or of `reqwest` |
//!
//! All others are `other`. A kind is that of an [`io::Error`], or a text that a library gives such an error: their types
//! are in crates that a user of another library does not have.

use std::any::{Any, type_name};
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use monitor_core::{ErrorText, ErrorView, Monitor, Outcome};

/// The error of most `tower` services.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

const CONNECT: &str = "connect";
const CONNECTION_LOST: &str = "connection_lost";
const TIMEOUT: &str = "timeout";

monitor_core::__private::inventory::submit! {
    monitor_core::__private::LateTypes(&[CONNECT, CONNECTION_LOST])
}

/// The most errors of a chain of sources that are read.
const MAX_SOURCES: usize = 64;

/// The outcome of a call that ended with an error of any type. In a boxed error the sources are read too.
pub(crate) fn outcome_of<E: fmt::Display + 'static>(monitor: Monitor, error: &E) -> Outcome<'_> {
    let any: &dyn Any = error;
    match any.downcast_ref::<BoxError>() {
        Some(boxed) => outcome_of_error(monitor, &**boxed),
        None => Outcome::Error(ErrorView {
            type_name: type_name::<E>(),
            text: ErrorText::Display(error),
        }),
    }
}

/// The outcome of a call that ended with this error, which counts in this monitor.
pub(crate) fn outcome_of_error<'e>(
    monitor: Monitor,
    error: &'e (dyn Error + 'static),
) -> Outcome<'e> {
    let outcome = Outcome::of_error(error);
    let Outcome::Error(view) = outcome else {
        return outcome;
    };
    let parser = monitor.error_parser();
    if parser.parse_view(&view) != parser.other() {
        return outcome;
    }
    type_of(error).map_or(outcome, |name| outcome.named(name))
}

/// The type by the first error of the chain that tells one.
fn type_of(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    for _ in 0..MAX_SOURCES {
        let error = next?;
        let io = error.downcast_ref::<io::Error>();
        let found = io.and_then(type_of_kind).or_else(|| type_of_text(error));
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

fn type_of_kind(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::AddrNotAvailable => Some(CONNECT),
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof
        | Kind::NotConnected => Some(CONNECTION_LOST),
        Kind::TimedOut => Some(TIMEOUT),
        _ => None,
    }
}

/// Texts of errors that have no kind: of `hyper-util` for a connection that did not come about (its source may be a name
/// without an address, or a handshake), of `hyper` for one that the server closed, and of the time limits of `tower` and
/// `reqwest`.
const TYPES_OF_TEXTS: [(&str, &str); 4] = [
    ("client error (Connect)", CONNECT),
    (
        "connection closed before message completed",
        CONNECTION_LOST,
    ),
    ("request timed out", TIMEOUT),
    ("operation timed out", TIMEOUT),
];

fn type_of_text(error: &dyn Error) -> Option<&'static str> {
    // A Display is code of the user's, and may panic.
    let text = catch_unwind(AssertUnwindSafe(|| error.to_string())).ok()?;
    let known = TYPES_OF_TEXTS.iter().find(|(known, _)| *known == text);
    known.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_whose_text_panics_has_no_type() {
        #[derive(Debug)]
        struct Panics;
        impl fmt::Display for Panics {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("no text")
            }
        }
        impl Error for Panics {}
        assert_eq!(type_of(&Panics), None);
    }
}
