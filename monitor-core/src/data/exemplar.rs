//! Exemplars: what leads from a bucket of a histogram to the trace of a call in it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data::name::is_label_name;

/// Most characters that the names and values of an exemplar's labels have together (`OpenMetrics` 1.0.0, "Exemplars").
const MAX_CHARS: usize = 128;

/// What leads from a call to its trace: labels such as `trace_id`.
///
/// # Examples
///
/// ```
/// use monitor_core::exemplar::Exemplar;
///
/// let exemplar = Exemplar::new([("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")]);
/// assert_eq!(exemplar.labels().count(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemplar {
    labels: Arc<[(Cow<'static, str>, Box<str>)]>,
}

/// An exemplar, and the call it was kept of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KeptExemplar {
    /// The bucket it is of, by the index of its upper bound.
    pub bucket: usize,
    /// What the provider gave.
    pub exemplar: Exemplar,
    /// The call's duration, seconds.
    pub seconds: f64,
    /// When it ended, seconds since 1970.
    pub at: f64,
    /// Whether it failed.
    pub failed: bool,
}

impl Exemplar {
    /// An exemplar with these labels.
    pub fn new<N, V>(labels: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Cow<'static, str>>,
        V: Into<Box<str>>,
    {
        let labels = labels.into_iter();
        Self {
            labels: labels
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// Its labels, as they were given.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether a page can hold it: at most 128 characters in all, valid names, each once and none that begins with `__`
    /// (`prometheus_client` refuses the whole page for one), and no value with a character
    /// that readers fail on in exemplars, though they take it in a series' labels. For a NUL, Prometheus (2.42, 3.5)
    /// refuses the whole page, and for a quote `prometheus_client` does; what is escaped, Prometheus never unescapes.
    pub(crate) fn fits(&self) -> bool {
        let chars = self
            .labels()
            .map(|(name, value)| name.chars().count() + value.chars().count());
        let names_are_fine = self.labels.iter().enumerate().all(|(at, (name, _))| {
            is_label_name(name)
                && !name.starts_with("__")
                && self.labels[..at].iter().all(|(other, _)| other != name)
        });
        let are_plain = self
            .labels()
            .all(|(_, value)| !value.contains(['\0', '"', '\\', '\n']));
        names_are_fine && are_plain && chars.sum::<usize>() <= MAX_CHARS
    }
}
