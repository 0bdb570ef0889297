//! Which words in an error's text mean which status, as the configuration has it.

use super::words::{Words, fold};
use super::{CANCELLED, OTHER, PANIC};
use crate::data::status::TaskStatus;

/// The statuses that always have a rule, in the order the original matches them.
const BUILT_IN: [TaskStatus; 5] = [
    TaskStatus::ConnectionError,
    TaskStatus::Fatal,
    TaskStatus::Internal,
    TaskStatus::OtherException,
    TaskStatus::Unknown,
];

/// One entry under `errors` in the configuration: a status, the words that mean it, and how long a run of it is borne.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRule {
    /// The name of a [`TaskStatus`]; `OK` makes the status of an error good. A name that is none counts as
    /// `OTHER_EXCEPTION`.
    pub status: String,
    /// Words searched in the text of errors, without case. Each is also an error type, written as here. The word
    /// `other` is not searched: it is the type of errors in which no word is found.
    pub service_errors: Vec<String>,
    /// The run of this status that makes a task type unhealthy, in calls. The original's default is -1; 0 and below is
    /// no threshold, and so is any on `OK`.
    pub unhealthy: i64,
}

impl StatusRule {
    /// The status this rule sets.
    pub fn task_status(&self) -> TaskStatus {
        self.status.parse().unwrap_or(TaskStatus::OtherException)
    }
}

/// Ordered rules: which words in an error's text mean which type, and to which status a type belongs.
///
/// The default is the original's: five statuses without words, but `other` under `OTHER_EXCEPTION`; no thresholds.
///
/// # Definition
///
/// Rules are tried in this order, whatever order they are given in: `CONNECTION_ERROR`, `FATAL`, `INTERNAL`,
/// `OTHER_EXCEPTION`, `UNKNOWN`, then other names as given. Within a rule, words are tried as they stand. So an early
/// short word shadows a later one that contains it: [`warnings`](Self::warnings) says where.
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
        Self {
            rules: BUILT_IN.map(default_rule).into(),
        }
    }
}

fn default_rule(status: TaskStatus) -> StatusRule {
    let service_errors = match status {
        TaskStatus::OtherException => vec![OTHER.to_owned()],
        _ => Vec::new(),
    };
    StatusRule {
        status: status.name().to_owned(),
        service_errors,
        unhealthy: -1,
    }
}

/// Rules that cannot be.
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
    /// If a word is blank, a status is given twice, or the words are longer than 60,000 bytes together.
    pub fn try_new(rules: impl IntoIterator<Item = StatusRule>) -> Result<Self, RuleError> {
        let mut ordered = Self::default().rules;
        let mut given: Vec<String> = Vec::new();
        for rule in rules {
            if given.contains(&rule.status) {
                return Err(RuleError::RepeatedStatus {
                    status: rule.status,
                });
            }
            given.push(rule.status.clone());
            match ordered
                .iter_mut()
                .find(|default| default.status == rule.status)
            {
                Some(default) => *default = rule,
                None => ordered.push(rule),
            }
        }
        let rules = Self { rules: ordered };
        rules.check_words()?;
        Ok(rules)
    }

    fn check_words(&self) -> Result<(), RuleError> {
        let mut bytes = 0;
        for Listed {
            rule,
            position,
            word,
        } in self.listed()
        {
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
            Err(RuleError::TooManyWords { bytes, limit })
        } else {
            Ok(())
        }
    }

    /// All rules in matching order, the defaults of statuses not given included.
    pub fn rules(&self) -> &[StatusRule] {
        &self.rules
    }

    /// What is likely a mistake, one text each: names that are no status, words that are never found or are listed
    /// under two statuses, a threshold on `OK`.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.rules.iter().flat_map(status_warnings).collect();
        let listed: Vec<Listed<'_>> = self.listed().collect();
        let searched = listed
            .iter()
            .enumerate()
            .filter(|(_, listed)| is_searched(listed.word));
        let words = Words::new(searched.map(|(rank, listed)| (listed.word, rank)));
        for (rank, entry) in listed.iter().enumerate() {
            let earlier = listed[..rank]
                .iter()
                .find(|earlier| earlier.word == entry.word);
            let shadow = words
                .find(entry.word)
                .filter(|&found| found < rank)
                .map(|found| &listed[found]);
            warnings.extend(match (earlier, shadow) {
                (Some(earlier), _) => Some(entry.listed_before(earlier)),
                (None, _) if entry.word != OTHER && !is_searched(entry.word) => {
                    Some(entry.is_no_word())
                }
                (None, Some(shadow)) if is_searched(entry.word) => Some(entry.shadowed_by(shadow)),
                (None, _) if [PANIC, CANCELLED].contains(&entry.word) => Some(entry.is_built_in()),
                _ => None,
            });
        }
        warnings
    }

    /// Each word with its place, in matching order.
    pub(super) fn listed(&self) -> impl Iterator<Item = Listed<'_>> {
        self.rules.iter().flat_map(|rule| {
            let words = rule.service_errors.iter().enumerate();
            words.map(move |(position, word)| Listed {
                rule,
                position,
                word,
            })
        })
    }
}

/// Whether a word is searched in texts. `other` stands for what no word is found in, however it is written.
pub(super) fn is_searched(word: &str) -> bool {
    !word.eq_ignore_ascii_case(OTHER)
}

fn status_warnings(rule: &StatusRule) -> Vec<String> {
    let status = &rule.status;
    match status.parse::<TaskStatus>() {
        Err(unknown) => vec![format!(
            "errors.{status}: {unknown}; it counts as OTHER_EXCEPTION"
        )],
        Ok(TaskStatus::Ok) if rule.unhealthy > 0 => {
            vec![format!(
                "errors.{status}.unhealthy: {} is ignored, because OK is never unhealthy",
                rule.unhealthy
            )]
        }
        Ok(_) => Vec::new(),
    }
}

/// A word and its place in the configuration.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) rule: &'a StatusRule,
    pub(super) position: usize,
    pub(super) word: &'a str,
}

impl Listed<'_> {
    fn place(&self) -> String {
        format!(
            "errors.{}.service_errors[{}]: `{}`",
            self.rule.status, self.position, self.word
        )
    }

    fn listed_before(&self, earlier: &Listed<'_>) -> String {
        let (place, status) = (self.place(), &earlier.rule.status);
        if *status == self.rule.status {
            format!("{place} is listed twice")
        } else {
            format!("{place} is listed under {status} too, which comes first and decides")
        }
    }

    fn shadowed_by(&self, earlier: &Listed<'_>) -> String {
        let (word, status) = (earlier.word, &earlier.rule.status);
        format!(
            "{} is never found, because `{word}` of {status} comes first and is part of it",
            self.place()
        )
    }

    fn is_built_in(&self) -> String {
        format!(
            "{} is a built-in type: errors in which the word is found count as it, and it gets the status that lists it",
            self.place()
        )
    }

    fn is_no_word(&self) -> String {
        format!(
            "{} is never found: write `other`, the type of errors in which no word is found",
            self.place()
        )
    }
}
