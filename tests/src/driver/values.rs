//! Values of a case as ours, and back.

use monitor_core::{StatNumber, StatValue};

use crate::value::Val;

/// Stands for an object of an unknown class; ours has no such value.
const OPAQUE: &str = "$opaque";

/// A value as ours holds it.
pub(crate) fn to_ours(value: &Val) -> StatValue {
    match value {
        Val::Null => StatValue::Null,
        Val::Bool(yes) => StatValue::Bool(*yes),
        Val::Int(_) | Val::Float(_) => number(value).map_or(StatValue::Null, StatValue::from),
        Val::Text(text) => StatValue::Text(text.clone()),
        Val::List(list) => StatValue::List(list.iter().map(to_ours).collect()),
        Val::Map(map) => StatValue::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), to_ours(value)))
                .collect(),
        ),
        Val::Opaque => StatValue::Map([(OPAQUE.to_owned(), StatValue::Null)].into()),
    }
}

/// A value of ours.
pub(crate) fn from_ours(value: &StatValue) -> Val {
    match value {
        StatValue::Bool(yes) => Val::Bool(*yes),
        StatValue::Int(whole) => Val::Int((*whole).into()),
        StatValue::Float(number) => Val::Float(*number),
        StatValue::Text(text) => Val::text(text),
        StatValue::List(list) => Val::List(list.iter().map(from_ours).collect()),
        StatValue::Map(map) if map.contains_key(OPAQUE) => Val::Opaque,
        StatValue::Map(map) => Val::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), from_ours(value)))
                .collect(),
        ),
        _ => Val::Null,
    }
}

/// The number a value is, if it is one.
pub(crate) fn number(value: &Val) -> Option<StatNumber> {
    match value {
        Val::Int(whole) => {
            let float = || value.number().map(StatNumber::Float);
            i64::try_from(*whole).map_or_else(|_| float(), |whole| Some(StatNumber::Int(whole)))
        }
        other => other.number().map(StatNumber::Float),
    }
}
