use crate::data::value::ValueKind;

/// Why a verb of the value plane was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// A number was to be added to what is no number.
    #[error("`{key}` holds {found}, not a number")]
    NotANumber {
        /// The key.
        key: Box<str>,
        /// What it holds.
        found: ValueKind,
    },
    /// A value was to be appended to what is no list.
    #[error("`{key}` holds {found}, not a list")]
    NotAList {
        /// The key.
        key: Box<str>,
        /// What it holds.
        found: ValueKind,
    },
    /// A section was to be what holds something else.
    #[error("`{key}` holds {found}, not a section")]
    NotASection {
        /// The key.
        key: Box<str>,
        /// What it holds.
        found: ValueKind,
    },
    /// `stats` is the list of points and `tasks` the section of running tasks: neither can be used as something else.
    #[error("`{key}` is reserved for {purpose}")]
    Reserved {
        /// The key.
        key: &'static str,
        /// What it is for.
        purpose: &'static str,
    },
    /// A point of the list `stats` is a map of keys to numbers.
    #[error("a point of `stats` has to be a map, not {found}")]
    PointNotAMap {
        /// What was given.
        found: ValueKind,
    },
    /// A task's value is when it started, in seconds since 1970.
    #[error("the start of task `{id}` has to be a finite number of seconds since 1970")]
    NotAStartTime {
        /// The task's id.
        id: Box<str>,
    },
    /// The key's family has `max_series` label sets already. (Numbers are not refused then: they go to the family's
    /// child labelled `overflow="true"`.)
    #[error("`{key}` is one label set too many: its family has {limit} already (`max_series`)")]
    TooManySeries {
        /// The key.
        key: Box<str>,
        /// The limit.
        limit: u64,
    },
}
