//! `name[]`: only the samples asked for.

/// Which samples are wanted, by full name.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    /// `None`: all of them.
    names: Option<Vec<&'a str>>,
}

impl<'a> Filter<'a> {
    /// The samples of these names; of any name if all of them are empty, because `name[]=` asks for nothing.
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

    /// Whether the sample `family` + `suffix` is wanted.
    pub(super) fn wants(&self, family: &str, suffix: &str) -> bool {
        match &self.names {
            None => true,
            Some(names) => names
                .iter()
                .any(|name| name.strip_prefix(family) == Some(suffix)),
        }
    }
}
