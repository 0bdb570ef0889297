//! Why something of a source is not on a page.

/// What [`merge`](super::merge) leaves out, each with the family it is of.
///
/// # Examples
///
/// ```
/// use monitor_core::collector::LeftOut;
///
/// let why = LeftOut::Name { family: "queue-length".to_owned() };
/// assert_eq!(why.to_string(), "`queue-length` is no metric name");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// A family: a metric name is `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    #[error("`{family}` is no metric name")]
    Name {
        /// Its name.
        family: String,
    },
    /// A family: an earlier one has this name and another type, or has a sample of a name that its samples can have.
    #[error("the family `{family}` clashes with an earlier one in its type or its samples' names")]
    Clash {
        /// Its name.
        family: String,
    },
    /// A series: a label's name is none, comes twice, begins with `__` (a second `__name__` makes Prometheus refuse the whole
    /// page), or is one that the type's samples have themselves (`le`, `quantile`).
    #[error("a series of `{family}` has the label `{label}`, which no page can hold")]
    Label {
        /// The family's name.
        family: String,
        /// The label's name.
        label: String,
    },
    /// A series: its value is not of its family's type, as where a registry holds two types under one name.
    #[error("a series of `{family}` has a value of another type than its family")]
    Value {
        /// The family's name.
        family: String,
    },
    /// A series: its value is of a time before 1970, which the text format has no way to write.
    #[error("a series of `{family}` has a timestamp before 1970")]
    Time {
        /// The family's name.
        family: String,
    },
    /// A series: without labels, under a name that Prometheus itself writes for each target, as `up`. It would hide that one.
    #[error("`{family}` without labels is a series that Prometheus writes itself")]
    OfPrometheus {
        /// The family's name.
        family: String,
    },
    /// A series: an earlier one has its name and labels.
    #[error("a series of `{family}` is there already")]
    Repeated {
        /// The family's name.
        family: String,
    },
}
