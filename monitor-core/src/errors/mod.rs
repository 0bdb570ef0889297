//! `ErrorParser`: ordered rules, error text -> error type and status.

mod chain;
mod named;
mod rules;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod words;

use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub use chain::{NamedError, Naming, Unnamed};
pub(crate) use chain::{named, named_below};
pub use named::MonitorError;
pub use rules::{ErrorRules, RuleError, StatusRule};
pub use text::{ErrorText, ErrorView, Outcome};
use types::{ByName, Types};
use words::{Search, Words};

use crate::data::status::TaskStatus;

/// The type of errors in which no word is found.
const OTHER: &str = "other";
/// The type of calls that panicked.
const PANIC: &str = "panic";
/// The type of calls dropped before they ended.
const CANCELLED: &str = "cancelled";

/// Text searched of one error, bytes after lower-casing. The first lines of a Display say what happened; what is
/// behind 4 KiB is a dump.
const MAX_TEXT: usize = 4096;

/// An error type: the index of its name in [`ErrorParser::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorTypeId(u16);

impl ErrorTypeId {
    fn from_index(index: usize) -> Self {
        Self(u16::try_from(index).expect("`ErrorRules` bounds the number of words"))
    }

    /// The index in [`ErrorParser::types`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Gives each error a type out of a closed set, by the words found in its text, and each type a [`TaskStatus`].
///
/// # Definition
///
/// Searched are, each for itself and without case:
/// - the last segment of the error's type name, without generics (nothing for `dyn Error`, `anyhow::Error` and texts),
/// - its Display,
/// - for each `source()`, and for a boxed error itself: its Display, and the identifier its Debug begins with, which is
///   the name of a struct or variant.
///
/// That is at most 4 KiB and 64 sources. A backtrace, a path or a field printed by Debug alone is never searched. The
/// type is the first word, in the order of [`ErrorRules`], that is found anywhere; `other` if none is.
///
/// Errors are read as they come: nothing is allocated, but by the error's own Display, Debug and source. If one of
/// these panics, what it wrote before counts, and the search goes on behind it.
///
/// # Examples
///
/// ```
/// use monitor_core::{ErrorParser, ErrorRules, StatusRule, TaskStatus};
///
/// let rules = ErrorRules::try_new([StatusRule {
///     status: "CONNECTION_ERROR".to_owned(),
///     service_errors: vec!["Refused".to_owned()],
///     unhealthy: 5,
/// }])?;
/// let parser = ErrorParser::new(&rules);
///
/// let error = std::io::Error::other("connection refused");
/// assert_eq!(parser.parse(&error), "Refused");
///
/// let id = parser.type_id("Refused").ok_or("a configured word is a type")?;
/// assert_eq!(parser.status_of(id), TaskStatus::ConnectionError);
/// assert_eq!(parser.types().join(" "), "Refused other panic cancelled");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ErrorParser {
    types: Arc<[Arc<str>]>,
    /// Parallel to `types`.
    statuses: Box<[TaskStatus]>,
    by_name: ByName,
    words: Words,
    other: ErrorTypeId,
    panic: ErrorTypeId,
    cancelled: ErrorTypeId,
}

impl ErrorParser {
    /// A parser that follows `rules`.
    #[doc(alias = "init")]
    #[doc(alias = "ErrorParser.init")]
    pub fn new(rules: &ErrorRules) -> Self {
        let mut types = Types::default();
        for listed in rules.listed() {
            types.add(listed.word, listed.rule.task_status());
        }
        let words = types.words();
        let other = types.add(OTHER, TaskStatus::OtherException);
        let panic = types.add(PANIC, TaskStatus::Internal);
        let cancelled = types.add(CANCELLED, TaskStatus::OtherException);
        let Types {
            names,
            statuses,
            by_name,
        } = types;
        Self {
            types: names.into(),
            statuses: statuses.into(),
            by_name,
            words,
            other,
            panic,
            cancelled,
        }
    }

    /// The type of `error`: a word as the configuration has it, or `other`.
    ///
    /// For a boxed error, pass what is in the box (`&*boxed`).
    pub fn parse<E: Error + ?Sized>(&self, error: &E) -> &str {
        // A reference to an error is an error, and sized, so it can be a trait object whatever `E` is.
        let view = ErrorView {
            type_name: type_name::<E>(),
            text: ErrorText::Error(&error),
        };
        self.name(self.parse_view(&view))
    }

    /// The type of an error of which this is known.
    pub fn parse_view(&self, view: &ErrorView<'_>) -> ErrorTypeId {
        self.search(|search| text::read_view(search, view))
    }

    /// The type of an error of which only texts are known: the name of its type, its Display, and those of its causes.
    pub fn parse_parts(&self, type_name: &str, display: &str, chain: &[&str]) -> ErrorTypeId {
        self.search(|search| text::read_parts(search, type_name, display, chain))
    }

    fn search(&self, read: impl FnOnce(&mut Search<'_>)) -> ErrorTypeId {
        let mut search = Search::new(&self.words, MAX_TEXT);
        read(&mut search);
        search.found().map_or(self.other, ErrorTypeId::from_index)
    }

    /// All error types there can be: the configured words in matching order, each once, then `other`, `panic` and
    /// `cancelled` where they are not configured.
    #[doc(alias = "error_types")]
    pub fn types(&self) -> &Arc<[Arc<str>]> {
        &self.types
    }

    /// The type with this name, written as in the configuration.
    pub fn type_id(&self, name: &str) -> Option<ErrorTypeId> {
        self.by_name.get(name).copied()
    }

    /// The name of a type. That of `other` if `id` is of a parser with more types.
    pub fn name(&self, id: ErrorTypeId) -> &Arc<str> {
        self.types
            .get(id.index())
            .unwrap_or(&self.types[self.other.index()])
    }

    /// The status that lists a type; that of the first rule if two do. `INTERNAL` for `panic` and `OTHER_EXCEPTION` for
    /// any other type that is listed nowhere.
    ///
    /// A cancelled call sets no status, so who records one does not ask.
    pub fn status_of(&self, id: ErrorTypeId) -> TaskStatus {
        self.statuses
            .get(id.index())
            .copied()
            .unwrap_or(TaskStatus::OtherException)
    }

    /// The status that an error type sets: `OK` for none, `OTHER_EXCEPTION` for a name that is no type.
    #[doc(alias = "set_status")]
    pub fn status_named(&self, error_type: Option<&str>) -> TaskStatus {
        error_type.map_or(TaskStatus::Ok, |name| {
            self.type_id(name)
                .map_or(TaskStatus::OtherException, |id| self.status_of(id))
        })
    }

    /// The type of errors in which no word is found.
    pub const fn other(&self) -> ErrorTypeId {
        self.other
    }

    /// The type of calls that panicked.
    pub const fn panic(&self) -> ErrorTypeId {
        self.panic
    }

    /// The type of calls dropped before they ended.
    pub const fn cancelled(&self) -> ErrorTypeId {
        self.cancelled
    }
}

impl Default for ErrorParser {
    fn default() -> Self {
        Self::new(&ErrorRules::default())
    }
}

impl fmt::Debug for ErrorParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorParser")
            .field("types", &self.types)
            .finish_non_exhaustive()
    }
}
