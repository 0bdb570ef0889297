//! The type of an error: [`ErrorRules`] list words and statuses, and an [`ErrorParser`] finds the word in an error's
//! text.
//!
//! A parser is made once of its rules and never changes. Its types are a closed set: the words in matching order, then
//! `other`, `panic` and `cancelled` where they are not among them. A type's index is the rank of its word in the
//! search, so the lowest rank found anywhere in the text is the type. Errors that name their own type
//! ([`MonitorError`]) are looked up by that name, and not searched. A storage's parser has the types that code names
//! (`declared`) behind all others.

mod declared;
mod named;
mod protocol;
#[cfg(test)]
mod tests;
mod text;

use std::any::type_name;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use declared::MAX_DECLARED;
pub use declared::{DeclaredType, DeclaredTypes, LateTypes};
pub(crate) use declared::{TIMEOUT, derived_types, late_type, merged};
pub use named::{MonitorError, NamedError, Naming, Unnamed};
pub(crate) use named::{ask_also, named, named_below};
pub use protocol::{grpc_type, http_type};
pub use text::{ErrorText, ErrorView, NamedView, Outcome};
pub(crate) use text::{Identifier, MAX_SOURCES, survive};
use text::{Search, Words, fold};

use crate::data::status::TaskStatus;

/// The type of errors in which no word is found.
const OTHER: &str = "other";
/// The type of calls that panicked.
const PANIC: &str = "panic";
/// The type of calls dropped before they ended.
const CANCELLED: &str = "cancelled";

/// The types that are always there, and their statuses if no rule lists them.
const BUILT_IN: [(&str, TaskStatus); 3] = [
    (OTHER, TaskStatus::OtherException),
    (PANIC, TaskStatus::Internal),
    (CANCELLED, TaskStatus::OtherException),
];

/// Text searched of one error, bytes after lower-casing. The cause stands in the first lines of a Display; text past 4
/// KiB is a dump.
const MAX_TEXT: usize = 4096;

/// One entry under `errors` in the configuration: a status, the words that mean it, and the run of it from which a task
/// type is unhealthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRule {
    /// The name of a [`TaskStatus`]; `OK` makes the status of an error good. An unknown name counts as
    /// `OTHER_EXCEPTION`.
    pub status: String,
    /// Words searched in the text of errors, without case. Each is also an error type, written as here. The word
    /// `other` is not searched: it is the type of errors in which no word is found.
    pub service_errors: Vec<String>,
    /// The run of this status that makes a task type unhealthy, in calls. The original's default is -1. A number of 0
    /// or less is no threshold, and `OK` has none.
    pub unhealthy: i64,
}

impl StatusRule {
    /// The status this rule sets.
    pub fn task_status(&self) -> TaskStatus {
        self.status.parse().unwrap_or(TaskStatus::OtherException)
    }
}

/// Ordered rules: the words in an error's text that give its type, and the status of each type.
///
/// The default is the original's: five statuses, the word `other` under `OTHER_EXCEPTION`, no other words, no
/// thresholds.
///
/// # Definition
///
/// Rules are tried in this order, regardless of the order in which they are given: `CONNECTION_ERROR`, `FATAL`,
/// `INTERNAL`, `OTHER_EXCEPTION`, `UNKNOWN`, then other names as given. Within a rule, words are tried in their order.
/// So an early short word shadows a later one that contains it: [`warnings`](Self::warnings) lists such words.
///
/// # Examples
///
/// ```
/// use monitor_core::{ErrorRules, StatusRule};
///
/// let rules = ErrorRules::try_new([StatusRule {
///     status: "CONNECTION_ERROR".to_owned(),
///     service_errors: vec!["refused".to_owned(), "connection refused".to_owned()],
///     unhealthy: 5,
/// }])?;
///
/// assert_eq!(rules.rules().len(), 5);
/// assert_eq!(
///     rules.warnings(),
///     ["errors.CONNECTION_ERROR.service_errors[1]: `connection refused` is never found, because `refused` of \
///       CONNECTION_ERROR comes first and is part of it"],
/// );
/// # Ok::<(), monitor_core::RuleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorRules {
    rules: Vec<StatusRule>,
}

impl Default for ErrorRules {
    fn default() -> Self {
        // All but `OK`, which is the first.
        let statuses = TaskStatus::ALL.into_iter().skip(1);
        let rule = |status: TaskStatus| StatusRule {
            status: status.name().to_owned(),
            service_errors: match status {
                TaskStatus::OtherException => vec![OTHER.to_owned()],
                _ => Vec::new(),
            },
            unhealthy: -1,
        };
        Self {
            rules: statuses.map(rule).collect(),
        }
    }
}

/// Why rules are not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A word that is empty or blank would be found in every error.
    #[error(
        "errors.{status}.service_errors[{position}]: `{word}` is blank and would be found in every error"
    )]
    BlankWord {
        /// The status it is under.
        status: String,
        /// Its place in the list, from 0.
        position: usize,
        /// The word.
        word: String,
    },
    /// A status has two rules.
    #[error("errors.{status}: the status has two rules")]
    RepeatedStatus {
        /// The status.
        status: String,
    },
    /// The words are more than the parser can take.
    #[error("errors: the words have {bytes} bytes together, the limit is {limit}")]
    TooManyWords {
        /// Length of all words together, bytes.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
}

impl ErrorRules {
    /// Rules from a configuration. A given rule replaces that status's default whole.
    ///
    /// # Errors
    ///
    /// A word is blank, a status is given twice, or the words together are longer than 60,000 bytes.
    pub fn try_new(rules: impl IntoIterator<Item = StatusRule>) -> Result<Self, RuleError> {
        let mut all = Self::default();
        let mut given: Vec<String> = Vec::new();
        for rule in rules {
            let status = rule.status.clone();
            if given.contains(&status) {
                return Err(RuleError::RepeatedStatus { status });
            }
            match all.rules.iter_mut().find(|known| known.status == status) {
                Some(default) => *default = rule,
                None => all.rules.push(rule),
            }
            given.push(status);
        }
        let mut bytes = 0;
        for (rule, position, word) in all.listed() {
            if word.trim().is_empty() {
                return Err(RuleError::BlankWord {
                    status: rule.status.clone(),
                    position,
                    word: word.to_owned(),
                });
            }
            bytes += fold(word).len();
        }
        let limit = Words::MAX_BYTES;
        if bytes > limit {
            return Err(RuleError::TooManyWords { bytes, limit });
        }
        Ok(all)
    }

    /// All rules in matching order, the defaults of statuses not given included.
    pub fn rules(&self) -> &[StatusRule] {
        &self.rules
    }

    /// Likely mistakes, one text each: unknown statuses, words that are never found or are listed under two statuses, a
    /// threshold on `OK`.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for rule in &self.rules {
            let (status, run) = (&rule.status, rule.unhealthy);
            warnings.extend(match status.parse::<TaskStatus>() {
                Err(unknown) => Some(format!(
                    "errors.{status}: {unknown}; it counts as OTHER_EXCEPTION"
                )),
                Ok(TaskStatus::Ok) if run > 0 => Some(format!(
                    "errors.{status}.unhealthy: {run} is ignored, because OK is never unhealthy"
                )),
                Ok(_) => None,
            });
        }
        let listed: Vec<_> = self.listed().collect();
        let ranked = listed.iter().map(|(.., word)| *word).zip(0..);
        let words = Words::new(ranked.filter(|(word, _)| is_searched(word)));
        for (rank, &(rule, position, word)) in listed.iter().enumerate() {
            let earlier = listed[..rank].iter().find(|(.., earlier)| *earlier == word);
            let found = words.find(word).map_or(rank, usize::from);
            let fault = match earlier {
                Some((earlier, ..)) if earlier.status == rule.status => "is listed twice".to_owned(),
                Some((StatusRule { status, .. }, ..)) => {
                    format!("is listed under {status} too, which comes first and decides")
                }
                None if word == OTHER => continue,
                None if !is_searched(word) => {
                    "is never found: write `other`, the type of errors in which no word is found".to_owned()
                }
                None if found < rank => {
                    let (StatusRule { status, .. }, _, word) = listed[found];
                    format!("is never found, because `{word}` of {status} comes first and is part of it")
                }
                None if [PANIC, CANCELLED].contains(&word) => {
                    "is a built-in type: errors in which the word is found count as it, and it gets the status that \
                     lists it"
                        .to_owned()
                }
                None => continue,
            };
            let status = &rule.status;
            warnings.push(format!(
                "errors.{status}.service_errors[{position}]: `{word}` {fault}"
            ));
        }
        warnings
    }

    /// Each word with its rule and its place in it, in matching order.
    fn listed(&self) -> impl Iterator<Item = (&StatusRule, usize, &str)> {
        self.rules.iter().flat_map(|rule| {
            let words = rule.service_errors.iter().enumerate();
            words.map(move |(position, word)| (rule, position, &**word))
        })
    }
}

/// Whether a word is searched in texts. `other`, in any case, stands for errors in which no word is found.
fn is_searched(word: &str) -> bool {
    !word.eq_ignore_ascii_case(OTHER)
}

/// An error type: the index of its name in [`ErrorParser::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorTypeId(u16);

impl ErrorTypeId {
    /// The index in [`ErrorParser::types`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Gives each error a type from a closed set, by the words found in its text, and each type a [`TaskStatus`].
///
/// # Definition
///
/// The search covers these texts, each on its own and without case:
/// - the last segment of the error's type name, without generics (nothing for `dyn Error`, `anyhow::Error` and texts),
/// - its Display,
/// - for each `source()`, and for a boxed error itself: its Display, and the identifier its Debug begins with, which is
///   the name of a struct or variant.
///
/// That is at most 4 KiB and 64 sources. A backtrace, a path or a field printed by Debug alone is never searched. The
/// type is the first word, in the order of [`ErrorRules`], that is found anywhere; `other` if none is.
///
/// Texts are searched while they are written: only the error's own Display, Debug and source may allocate. If one of
/// these panics, the text it wrote before counts, and the search goes on behind it.
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
    statuses: Vec<TaskStatus>,
    /// Parallel to `types`: whether code declares the type as expected in every method.
    expected: Vec<bool>,
    by_name: HashMap<Arc<str>, ErrorTypeId, BuildHasherDefault<NameHasher>>,
    words: Words,
    other: ErrorTypeId,
    panic: ErrorTypeId,
    cancelled: ErrorTypeId,
}

impl ErrorParser {
    /// A parser that follows `rules`. It does not have the types that code declares, as a storage's has.
    #[doc(alias = "init")]
    #[doc(alias = "ErrorParser.init")]
    pub fn new(rules: &ErrorRules) -> Self {
        Self::with_declared(rules, &[])
    }

    /// A parser that follows `rules` and has the types that code names too. A rule that lists a type sets its status.
    pub(crate) fn with_declared(rules: &ErrorRules, declared: &[DeclaredType]) -> Self {
        let mut types: Vec<Arc<str>> = Vec::new();
        let mut statuses = Vec::new();
        let mut by_name = HashMap::default();
        // `ErrorRules` bounds the number of words to 60,000, and `MAX_DECLARED` the rest.
        let mut ids = 0_u16;
        let listed = rules
            .listed()
            .map(|(rule, _, word)| (word, rule.task_status()));
        let declared = &declared[..declared.len().min(MAX_DECLARED)];
        let status_of = |one: &DeclaredType| one.status.unwrap_or(TaskStatus::OtherException);
        let behind = declared.iter().map(|one| (one.name, status_of(one)));
        // Of two statuses that list a word, the first decides.
        for (name, status) in listed.chain(BUILT_IN).chain(behind) {
            by_name.entry(Arc::from(name)).or_insert_with_key(|name| {
                types.push(Arc::clone(name));
                statuses.push(status);
                ids += 1;
                ErrorTypeId(ids - 1)
            });
        }
        let words = rules.listed().map(|(.., word)| (word, by_name[word].0));
        let mut expected = vec![false; types.len()];
        // The types that are built in are those of all errors without one, or of panics: no code makes these expected.
        let is_built_in = |one: &&DeclaredType| BUILT_IN.iter().any(|(name, _)| *name == one.name);
        for one in declared.iter().filter(|one| !is_built_in(one)) {
            expected[by_name[one.name].index()] = one.is_expected;
        }
        Self {
            expected,
            words: Words::new(words.filter(|(word, _)| is_searched(word))),
            other: by_name[OTHER],
            panic: by_name[PANIC],
            cancelled: by_name[CANCELLED],
            types: types.into(),
            statuses,
            by_name,
        }
    }

    /// The type of `error`: a word as the configuration has it, or `other`.
    ///
    /// For a boxed error, pass the error in the box (`&*boxed`).
    pub fn parse<E: Error + ?Sized>(&self, error: &E) -> &str {
        // A reference to an error is an error, and sized, so it can be a trait object for every `E`.
        let view = ErrorView {
            type_name: type_name::<E>(),
            text: ErrorText::Error(&error),
        };
        self.name(self.parse_view(&view))
    }

    /// The type of the error that this view describes.
    pub fn parse_view(&self, view: &ErrorView<'_>) -> ErrorTypeId {
        self.search(|search| search.read_view(view))
    }

    /// The type of an error of which only texts are known: the name of its type, its Display, and those of its causes.
    pub fn parse_parts(&self, type_name: &str, display: &str, chain: &[&str]) -> ErrorTypeId {
        self.search(|search| search.read_parts(type_name, display, chain))
    }

    fn search(&self, read: impl FnOnce(&mut Search<'_>)) -> ErrorTypeId {
        let mut search = Search::new(&self.words, MAX_TEXT);
        read(&mut search);
        search.found().map_or(self.other, ErrorTypeId)
    }

    /// All possible error types: the configured words in matching order, each once, then `other`, `panic` and
    /// `cancelled` where they are not configured, then, in a storage's parser, the types that code names, by name.
    #[doc(alias = "error_types")]
    pub fn types(&self) -> &Arc<[Arc<str>]> {
        &self.types
    }

    /// The type with this name, written as in the configuration.
    pub fn type_id(&self, name: &str) -> Option<ErrorTypeId> {
        self.by_name.get(name).copied()
    }

    /// The name of a type; that of `other` if `id` comes from a parser with more types.
    pub fn name(&self, id: ErrorTypeId) -> &Arc<str> {
        self.types
            .get(id.index())
            .unwrap_or(&self.types[self.other.index()])
    }

    /// The status that lists a type; that of the first rule if two do. Else the one that its derive declares, `INTERNAL`
    /// for `panic` and `OTHER_EXCEPTION` for any other type.
    ///
    /// The status of `cancelled` is never used: a cancelled call sets none.
    pub fn status_of(&self, id: ErrorTypeId) -> TaskStatus {
        self.statuses
            .get(id.index())
            .copied()
            .unwrap_or(TaskStatus::OtherException)
    }

    /// Whether code declares a type as expected: its failures set no status, in any method.
    pub(crate) fn is_expected(&self, id: ErrorTypeId) -> bool {
        self.expected.get(id.index()).is_some_and(|is| *is)
    }

    /// The status that an error type sets: `OK` for `None`, `OTHER_EXCEPTION` for an unknown type.
    #[doc(alias = "set_status")]
    pub fn status_named(&self, error_type: Option<&str>) -> TaskStatus {
        let Some(name) = error_type else {
            return TaskStatus::Ok;
        };
        let id = self.type_id(name);
        id.map_or(TaskStatus::OtherException, |id| self.status_of(id))
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

/// Hashes the length, the first and the last bytes of a name.
///
/// Each failure of a known type looks its name up, and may take 18 ns in all. Neither the names nor the texts looked up
/// come from outside the program, so no attacker can make them collide.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    /// Both halves of a 128-bit product, so that each bit of the input reaches the top and the bottom of the hash. The
    /// constants are the first digits of pi, as any without a pattern would do.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the halves are what is wanted"
    )]
    fn write(&mut self, name: &[u8]) {
        let (first, last) = ends(name);
        let (a, b) = (first ^ self.0, last.rotate_left(29) ^ name.len() as u64);
        let product = u128::from(a ^ 0x243f_6a88_85a3_08d3) * u128::from(b ^ 0x1319_8a2e_0370_7344);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    /// The mark that `str` hashes at its end: a name is all there is in a key.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The first and the last bytes of a name as numbers; they overlap, so that all bytes count up to a length of 16.
fn ends(name: &[u8]) -> (u64, u64) {
    let number = |four: &[u8; 4]| u32::from_le_bytes(*four).into();
    if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (number(first), number(last))
    } else {
        let number = name.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        (number, 0)
    }
}
