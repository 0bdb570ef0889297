//! `Method`: starts calls where the attribute does not, for names and labels known only at run time.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::data::family::Label;
use crate::data::name::is_label_name;
use crate::recording::guard::CallGuard;
use crate::recording::method::MethodCore;
use crate::recording::limit::Permits;

/// Longest name of a method, in bytes.
pub(crate) const MAX_METHOD_NAME: usize = 120;

/// Names of labels that mean something else.
const RESERVED: [&str; 7] = [
    "method", "status", "type", "le", "quantile", "overflow", "inittime",
];

/// One method of one monitor.
#[derive(Clone, Copy)]
pub struct Method {
    core: &'static MethodCore,
}

impl Method {
    pub(crate) fn of(core: &'static MethodCore) -> Self {
        Self { core }
    }

    /// The method with these labels beside it: for values known only at run time. A label without a value is none. At
    /// most `max_series` label sets of a method are made so; the calls of all others have the label `overflow="true"`
    /// alone, and are counted.
    ///
    /// # Errors
    ///
    /// [`LabelError`] if a label's name is none, is reserved, is given twice, or is that of a label the method has
    /// already.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::{Monitor, Outcome, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let method = monitor.method("Resize")?.with_labels(&[("tenant", "acme")])?;
    /// method.start().finish(Outcome::Success);
    ///
    /// let snapshot = monitor.snapshot();
    /// let labels = &snapshot.methods.iter().find(|one| one.started == 1).ok_or("a call")?.labels;
    /// assert_eq!((&*labels[0].name, &*labels[0].value), ("tenant", "acme"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_labels(&self, labels: &[(&str, &str)]) -> Result<Self, LabelError> {
        for (at, (name, _)) in labels.iter().enumerate() {
            let is_here = self.core.labels.iter().any(|own| own.name == *name);
            let is_repeated = is_here || labels[..at].iter().any(|(other, _)| other == name);
            check_label(name, is_repeated)?;
        }
        let own = self.core.labels.iter().cloned();
        let more = labels.iter().map(|(name, value)| Label {
            name: Cow::Owned((*name).to_owned()),
            value: Arc::from(*value),
        });
        let labels = own.chain(more).collect();
        Ok(Self::of(self.core.with_labels(labels)))
    }

    /// The labels beside `method`, sorted by name.
    pub fn labels(&self) -> &'static [Label] {
        &self.core.labels
    }

    /// Starts a call.
    pub fn start(&self) -> CallGuard {
        CallGuard::start_method(self.core)
    }

    /// Its permits.
    pub fn permits(&self) -> &'static Permits {
        &self.core.common.permits
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        &self.core.name
    }

    /// Its calls in flight.
    pub fn in_flight(&self) -> u64 {
        self.core.in_flight()
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method")
            .field("name", &self.core.name)
            .finish_non_exhaustive()
    }
}

/// Why a name is no method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// The name is empty.
    #[error("the name of a method is empty")]
    Empty,
    /// The name is too long for a label value.
    #[error("the name of a method is {} bytes long, the limit is {MAX_METHOD_NAME}: {name:?}", name.len())]
    TooLong {
        /// The name.
        name: String,
    },
}

/// Why a name is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// It does not match `[a-zA-Z_][a-zA-Z0-9_]*`.
    #[error("{name:?} is no label: a name has letters, digits and `_`, and begins with no digit")]
    Invalid {
        /// The name.
        name: String,
    },
    /// It means something else.
    #[error("the label {name:?} is reserved")]
    Reserved {
        /// The name.
        name: String,
    },
    /// It is given twice, or there already.
    #[error("the label {name:?} is given twice")]
    Repeated {
        /// The name.
        name: String,
    },
}

fn check_label(name: &str, is_repeated: bool) -> Result<(), LabelError> {
    let owned = || name.to_owned();
    if !is_label_name(name) {
        return Err(LabelError::Invalid { name: owned() });
    }
    if RESERVED.contains(&name) || name.starts_with("__") {
        return Err(LabelError::Reserved { name: owned() });
    }
    if is_repeated {
        return Err(LabelError::Repeated { name: owned() });
    }
    Ok(())
}
