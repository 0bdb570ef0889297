//! `name[]`: only the samples asked for.

use super::Format;
use crate::data::sample_names::openmetrics_name;
use crate::data::visit::Head;

/// Which samples are wanted, by their full name or, in `OpenMetrics`, by that of their family.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    /// `None`: all of them.
    names: Option<Vec<&'a str>>,
}

impl<'a> Filter<'a> {
    /// The samples and families of these names; of any name if all of them are empty, because `name[]=` asks for nothing.
    pub(super) fn named(names: &[&'a str]) -> Self {
        let names: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !name.is_empty())
            .collect();
        Self {
            names: (!names.is_empty()).then_some(names),
        }
    }

    /// Whether it lets all samples pass.
    pub(super) fn is_open(&self) -> bool {
        self.names.is_none()
    }

    /// Which samples of a family are wanted. In the text format a family's name selects nothing of its own, as in the
    /// original; in `OpenMetrics` it may be the only name that a reader knows.
    pub(super) fn of(&self, family: &Head<'_>, format: Format) -> OfFamily<'_> {
        let Some(names) = &self.names else {
            return OfFamily::All;
        };
        let is_whole = match format {
            Format::Text004 => false,
            Format::OpenMetrics100 => names.contains(&openmetrics_name(family.name, family.kind)),
        };
        if is_whole {
            OfFamily::All
        } else {
            OfFamily::Named(names)
        }
    }
}

/// Which samples of one family are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum OfFamily<'a> {
    All,
    /// Those of these full names.
    Named(&'a [&'a str]),
}

impl OfFamily<'_> {
    /// Whether the sample `family` + `suffix` is wanted.
    pub(super) fn wants(self, family: &str, suffix: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names
                .iter()
                .any(|name| name.strip_prefix(family) == Some(suffix)),
        }
    }
}
