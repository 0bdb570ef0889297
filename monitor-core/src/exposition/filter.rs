//! `name[]`: only the samples asked for.

use crate::family::FamilyType;
use crate::names::openmetrics_name;

/// Which samples are wanted, by their full name or by that of their family.
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

    /// Which samples of a family are wanted.
    pub(super) fn of(&self, family: &str, kind: FamilyType) -> OfFamily<'_> {
        let Some(names) = &self.names else {
            return OfFamily::All;
        };
        // Families are named differently in the two formats, and asked for by either name.
        let other = openmetrics_name(family, kind);
        if names.iter().any(|name| *name == family || *name == other) {
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
