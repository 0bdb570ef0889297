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
use std::fmt::{self, Write};
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

/// The outcome of a call that ended with an error of any type. The sources of an error are read if it is one of the types
/// that a `tower` service over HTTP usually has: a bound on [`Error`] would exclude [`BoxError`], which is none.
pub(crate) fn outcome_of<E: fmt::Display + 'static>(monitor: Monitor, error: &E) -> Outcome<'_> {
    let any: &dyn Any = error;
    if let Some(boxed) = any.downcast_ref::<BoxError>() {
        return outcome_of_error(monitor, &**boxed);
    }
    match std_error(any) {
        Some(error) => outcome_of_type(monitor, type_name::<E>(), error),
        None => Outcome::Error(ErrorView {
            type_name: type_name::<E>(),
            text: ErrorText::Display(error),
        }),
    }
}

/// An error of a known type.
fn std_error(any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    if let Some(io) = any.downcast_ref::<io::Error>() {
        return Some(io);
    }
    #[cfg(feature = "reqwest")]
    if let Some(reqwest) = any.downcast_ref::<reqwest::Error>() {
        return Some(reqwest);
    }
    None
}

/// The outcome of a call that ended with this error, which counts in this monitor.
pub(crate) fn outcome_of_error<'e>(
    monitor: Monitor,
    error: &'e (dyn Error + 'static),
) -> Outcome<'e> {
    outcome_of_type(monitor, "", error)
}

/// The same of an error whose type has this name, which the rules read too; empty if it is unknown.
fn outcome_of_type<'e>(
    monitor: Monitor,
    type_name: &'e str,
    error: &'e (dyn Error + 'static),
) -> Outcome<'e> {
    let outcome = Outcome::of_error(error);
    let Outcome::Error(view) = outcome else {
        return outcome;
    };
    let view = ErrorView { type_name, ..view };
    let outcome = Outcome::Error(view);
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
    let find = || {
        TYPES_OF_TEXTS
            .iter()
            .find(|(text, _)| has_text(error, text))
    };
    // A Display is code of the user's, and may panic.
    let known = catch_unwind(AssertUnwindSafe(find)).ok()?;
    known.map(|(_, name)| *name)
}

/// True if this is the error's whole text. A text may be of any length: no more of it is made than is compared.
fn has_text(error: &dyn Error, text: &str) -> bool {
    let mut rest = RestOfText(Some(text));
    write!(rest, "{error}").is_ok() && rest.0 == Some("")
}

/// The part of a text that was not written yet; none once something else was written.
struct RestOfText<'a>(Option<&'a str>);

impl Write for RestOfText<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.0 = self.0.and_then(|rest| rest.strip_prefix(part));
        self.0.map(|_| ()).ok_or(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

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

    #[test]
    fn no_more_of_a_text_is_made_than_is_compared() {
        #[derive(Debug, Default)]
        struct Endless(Cell<usize>);
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // It would end some day.
                for _ in 0..1_000_000 {
                    self.0.set(self.0.get() + 1);
                    f.write_str("request timed out")?;
                }
                Ok(())
            }
        }
        impl Error for Endless {}
        let endless = Endless::default();
        assert_eq!(type_of(&endless), None);
        assert!(endless.0.get() <= 2 * TYPES_OF_TEXTS.len());
    }

    #[test]
    fn a_text_is_known_as_a_whole_however_it_is_written() {
        #[derive(Debug)]
        struct Parts(&'static [&'static str], bool);
        impl fmt::Display for Parts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut written = Ok(());
                for part in self.0 {
                    written = f.write_str(part);
                }
                if self.1 { written } else { Ok(()) }
            }
        }
        impl Error for Parts {}
        assert_eq!(
            type_of(&Parts(&["request", " timed ", "out"], true)),
            Some(TIMEOUT)
        );
        for other in [&["request timed"][..], &["x", "request timed out"], &[""]] {
            assert_eq!(type_of(&Parts(other, true)), None, "{other:?}");
            assert_eq!(type_of(&Parts(other, false)), None, "{other:?}");
        }
    }
}
