//! Labels that every series has.

use std::ops::Deref;
use std::sync::Arc;

use crate::data::family::Label;
use crate::data::name::is_label_name;

/// Constant labels of all families, checked when they are made: a slice of [`Label`], sorted by name.
///
/// They are on every series of a storage. A label of the same name that a call, a key or a registered metric has is written with
/// `label_` before its name (as often as it takes for a name that is free), so that no two series become one: calls with
/// `env="prod"` of their own and calls without stay apart under a constant `env="prod"`.
///
/// # Examples
///
/// ```
/// use monitor_core::StorageConfig;
/// use monitor_core::config::{ConstLabelError, ConstLabels};
///
/// let mut config = StorageConfig::default();
/// config.const_labels = ConstLabels::try_new([("env", "prod"), ("dc", "fra1")])?;
/// assert_eq!(&*config.const_labels[0].name, "dc");
/// assert!(ConstLabels::try_new([("method", "Get")]).is_err());
/// # Ok::<(), ConstLabelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConstLabels(Arc<[Label]>);

/// Why labels cannot be on every series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstLabelError {
    /// A label name is `[a-zA-Z_][a-zA-Z0-9_]*`.
    #[error("`{name}` is no label name: it has to match [a-zA-Z_][a-zA-Z0-9_]*")]
    Invalid {
        /// The name.
        name: String,
    },
    /// The name has a meaning of its own, or families of this crate have a label of this name.
    #[error("the label name `{name}` is reserved")]
    Reserved {
        /// The name.
        name: String,
    },
    /// The name is there more than once.
    #[error("the label `{name}` is there more than once")]
    Repeated {
        /// The name.
        name: String,
    },
    /// To Prometheus a label with an empty value is none.
    #[error("the label `{name}` has an empty value")]
    Empty {
        /// The name.
        name: String,
    },
}

/// The labels of this crate's own families.
const BUILT_IN: [&str; 5] = ["family", "method", "status", "task", "type"];

/// Whether a label name has a meaning of its own on a page.
pub(crate) fn is_reserved_label(name: &str) -> bool {
    // `_name_` would be `__name__` under the escaping scheme `dots`.
    name.starts_with("__") || matches!(name, "le" | "quantile" | "inittime" | "overflow" | "_name_")
}

impl ConstLabels {
    /// Checks and keeps labels, names and values, in any order.
    ///
    /// # Errors
    ///
    /// [`ConstLabelError`] for a name that is no label name, is reserved (`le`, `quantile`, `inittime`, `overflow`,
    /// `_name_`, what begins with `__`, and the labels of built-in families: `family`, `method`, `status`, `task`, `type`) or comes twice, and for
    /// an empty value.
    pub fn try_new<N: Into<String>, V: Into<String>>(
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConstLabelError> {
        let mut checked: Vec<Label> = Vec::new();
        for (name, value) in labels {
            let (name, value) = (name.into(), value.into());
            if !is_label_name(&name) {
                return Err(ConstLabelError::Invalid { name });
            }
            if is_reserved_label(&name) || BUILT_IN.contains(&&*name) {
                return Err(ConstLabelError::Reserved { name });
            }
            if checked.iter().any(|label| label.name == name) {
                return Err(ConstLabelError::Repeated { name });
            }
            if value.is_empty() {
                return Err(ConstLabelError::Empty { name });
            }
            checked.push(Label {
                name: name.into(),
                value: value.into(),
            });
        }
        checked.sort();
        Ok(Self(checked.into()))
    }
}

impl Deref for ConstLabels {
    type Target = [Label];

    fn deref(&self) -> &[Label] {
        &self.0
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(names: &[&str]) -> Result<ConstLabels, ConstLabelError> {
        ConstLabels::try_new(names.iter().map(|name| (*name, "x")))
    }

    #[test]
    fn labels_come_sorted() -> Result<(), ConstLabelError> {
        let labels = labels(&["b", "A", "_"])?;
        let names: Vec<&str> = labels.iter().map(|label| &*label.name).collect();
        assert_eq!(names, ["A", "_", "b"]);
        assert!(ConstLabels::default().is_empty());
        Ok(())
    }

    #[test]
    fn what_is_refused_is_named() {
        let name = |name: &str| name.to_owned();
        for bad in ["", "1a", "a-b", "ü", "a b"] {
            let expected = ConstLabelError::Invalid { name: name(bad) };
            assert_eq!(labels(&["ok", bad]), Err(expected));
        }
        for bad in [
            "le", "quantile", "inittime", "overflow", "__name__", "_name_", "method", "type",
            "family",
        ] {
            let expected = ConstLabelError::Reserved { name: name(bad) };
            assert_eq!(labels(&[bad]), Err(expected));
        }
        let expected = ConstLabelError::Repeated { name: name("a") };
        assert_eq!(labels(&["a", "b", "a"]), Err(expected));
        let expected = ConstLabelError::Empty { name: name("a") };
        assert_eq!(ConstLabels::try_new([("a", "")]), Err(expected));
    }

    proptest! {
        #[test]
        fn any_texts_are_valid_or_refused(texts in proptest::collection::vec((".{0,6}|[a-c_]{1,2}", ".{0,4}"), 0..6)) {
            let count = texts.len();
            if let Ok(labels) = ConstLabels::try_new(texts) {
                prop_assert_eq!(labels.len(), count);
                prop_assert!(labels.windows(2).all(|two| two[0].name < two[1].name));
                prop_assert!(labels.iter().all(|label| is_label_name(&label.name)));
            }
        }
    }
}
