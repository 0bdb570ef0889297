//! The values that can be stored under a key.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Add;

use serde_core::ser::{Serialize, Serializer};

/// A value under a key, as the original's dictionaries hold them.
///
/// # Examples
///
/// ```
/// use monitor_core::StatValue;
///
/// assert_eq!(StatValue::from(3), StatValue::Int(3));
/// assert_eq!(StatValue::from("text"), StatValue::Text("text".to_owned()));
/// assert_eq!(StatValue::from(true).as_number().map(|number| number.as_f64()), Some(1.0));
/// assert_eq!(StatValue::from(()).as_number(), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StatValue {
    /// Nothing (`None`); not exported.
    Null,
    /// A truth value; exported as 1 or 0.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number; NaN and the infinities are exported as such.
    Float(f64),
    /// Text; not exported.
    Text(String),
    /// A list; not exported.
    List(Vec<StatValue>),
    /// A map; not exported.
    Map(BTreeMap<String, StatValue>),
}

/// As plain data: nothing, a truth value, a number, a text, a list or a map.
impl Serialize for StatValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Map(map) => serializer.collect_map(map),
        }
    }
}

impl StatValue {
    /// The number this value is exported as: a truth value is 1 or 0, a value that is no number gives `None`.
    pub fn as_number(&self) -> Option<StatNumber> {
        match *self {
            Self::Bool(truth) => Some(truth.into()),
            Self::Int(number) => Some(StatNumber::Int(number)),
            Self::Float(number) => Some(StatNumber::Float(number)),
            _ => None,
        }
    }

    /// The sort of this value.
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Bool,
            Self::Int(_) | Self::Float(_) => ValueKind::Number,
            Self::Text(_) => ValueKind::Text,
            Self::List(_) => ValueKind::List,
            Self::Map(_) => ValueKind::Map,
        }
    }
}

/// The sort of a [`StatValue`], for error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// Nothing.
    Null,
    /// A truth value.
    Bool,
    /// A number.
    Number,
    /// Text.
    Text,
    /// A list.
    List,
    /// A map.
    Map,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Null => "nothing",
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::Text => "text",
            Self::List => "a list",
            Self::Map => "a map",
        })
    }
}

/// A number under a key.
///
/// # Definition
///
/// Whole numbers are exact from -2^63 to 2^63 - 1. A whole number beyond that, and a sum that leaves this range,
/// becomes a double (53 bits). A sum with a [`Float`](Self::Float) is one.
///
/// # Examples
///
/// ```
/// use monitor_core::StatNumber;
///
/// assert_eq!(StatNumber::from(2) + StatNumber::from(0.5), StatNumber::Float(2.5));
/// assert_eq!(StatNumber::from(u64::MAX), StatNumber::Float(18446744073709551615.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StatNumber {
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
}

impl StatNumber {
    /// The number as a double; rounded above 2^53.
    #[allow(
        clippy::cast_precision_loss,
        reason = "the exposition knows doubles only"
    )]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

impl Add for StatNumber {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(sum) = a.checked_add(b)
        {
            return Self::Int(sum);
        }
        Self::Float(self.as_f64() + other.as_f64())
    }
}

/// A table of conversions: from each of some types, into one.
macro_rules! conversions {
    ($($($from:ty)|+ => $into:ident: |$value:pat_param| $made:expr;)*) => {$($(
        impl From<$from> for $into {
            fn from($value: $from) -> Self {
                $made
            }
        }
    )+)*};
}

conversions! {
    i64 => StatNumber: |value| Self::Int(value);
    i32 | i16 | u8 | u16 | u32 => StatNumber: |value| Self::Int(value.into());
    u64 => StatNumber: |value| whole(value);
    usize => StatNumber: |value| whole(value as u64);
    f64 => StatNumber: |value| Self::Float(value);
    f32 => StatNumber: |value| Self::Float(value.into());
    bool => StatNumber: |truth| Self::Int(truth.into());
    StatNumber => StatValue: |number| match number {
        StatNumber::Int(number) => Self::Int(number),
        StatNumber::Float(number) => Self::Float(number),
    };
    i64 | i32 | i16 | u8 | u16 | u32 | u64 | usize | f64 | f32 => StatValue: |number| StatNumber::from(number).into();
    bool => StatValue: |truth| Self::Bool(truth);
    () => StatValue: |()| Self::Null;
    &str => StatValue: |text| Self::Text(text.to_owned());
    String => StatValue: |text| Self::Text(text);
}

#[allow(
    clippy::cast_precision_loss,
    reason = "beyond i64 a number is a double, as documented"
)]
fn whole(value: u64) -> StatNumber {
    i64::try_from(value).map_or(StatNumber::Float(value as f64), StatNumber::Int)
}

impl<T: Into<StatValue>> From<Option<T>> for StatValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<StatValue>> From<Vec<T>> for StatValue {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>, T: Into<StatValue>> From<BTreeMap<K, T>> for StatValue {
    fn from(map: BTreeMap<K, T>) -> Self {
        map.into_iter().collect()
    }
}

impl<K: Into<String>, T: Into<StatValue>> FromIterator<(K, T)> for StatValue {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(pairs: I) -> Self {
        let owned = |(key, value): (K, T)| (key.into(), value.into());
        Self::Map(pairs.into_iter().map(owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_precision() {
        assert_eq!(StatValue::from(i64::MAX), StatValue::Int(i64::MAX));
        assert_eq!(
            StatNumber::from(i64::MAX) + 1.into(),
            StatNumber::Float(2f64.powi(63))
        );
        assert_eq!(
            StatNumber::from(1u64 << 60) + 1u8.into(),
            StatNumber::Int((1 << 60) + 1)
        );
        assert_eq!(StatValue::from(0.5f32), StatValue::Float(0.5));
    }

    #[test]
    fn a_value_is_written_as_plain_json() -> Result<(), serde_json::Error> {
        let map = BTreeMap::from([("a", StatValue::from(vec![1, 2])), ("b", ().into())]);
        let json = serde_json::to_string(&StatValue::from(map))?;
        assert_eq!(json, r#"{"a":[1,2],"b":null}"#);
        Ok(())
    }

    #[test]
    fn pairs_make_a_map() {
        let map: StatValue = [("a", 1), ("b", 2)].into_iter().collect();
        assert_eq!(map, StatValue::from(BTreeMap::from([("a", 1), ("b", 2)])));
        assert_eq!(map.kind().to_string(), "a map");
    }
}
