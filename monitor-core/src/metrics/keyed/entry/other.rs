//! What a key holds behind the lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::data::value::{StatValue, ValueKind};
use crate::metrics::keyed::held::Refused;

/// A value that is in neither word.
#[derive(Debug)]
pub(super) enum Other {
    Value(StatValue),
    List(VecDeque<Arc<StatValue>>),
    Map(BTreeMap<String, StatValue>),
    /// Taken away.
    Gone,
}

impl Other {
    pub(super) fn into_value(self) -> StatValue {
        match self {
            Self::Gone => StatValue::Null,
            Self::Value(value) => value,
            Self::Map(map) => StatValue::Map(map),
            Self::List(list) => {
                StatValue::List(list.into_iter().map(Arc::unwrap_or_clone).collect())
            }
        }
    }
}

impl From<StatValue> for Other {
    fn from(value: StatValue) -> Self {
        match value {
            StatValue::List(list) => Self::List(list.into_iter().map(Arc::new).collect()),
            StatValue::Map(map) => Self::Map(map),
            value => Self::Value(value),
        }
    }
}

pub(super) fn refused(other: Option<&Other>) -> Refused {
    Refused::Holds(match other {
        None => ValueKind::Number,
        Some(Other::Value(value)) => value.kind(),
        Some(Other::List(_)) => ValueKind::List,
        Some(Other::Map(_)) => ValueKind::Map,
        Some(Other::Gone) => return Refused::Gone,
    })
}
