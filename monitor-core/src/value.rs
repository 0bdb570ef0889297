//! What can be stored under a key.

use std::collections::BTreeMap;

/// A value of the value plane, as the original's dictionaries hold them.
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
#[derive(Debug, Clone, Copy)]
pub struct StatNumber;
