//! Values as cases and results write them, and when two of them are the same.

use std::fmt;

use serde_json::{Map, Number, Value, json};

/// A value of the original: Python's `None`, `bool`, `int`, `float`, `str`, `list` or `dict`.
#[derive(Debug, Clone, PartialEq)]
pub enum Val {
    /// `None`.
    Null,
    /// A truth value; counts as 1 or 0.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list or tuple.
    List(Vec<Val>),
    /// A dictionary with text keys, in the order they were put in.
    Map(Vec<(String, Val)>),
    /// An object of an unknown class.
    Opaque,
}

impl Val {
    /// The number this is, if it is one; truth values are.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(yes) => Some(f64::from(u8::from(*yes))),
            // A metric is a float: a whole number above 2^53 is rounded on the wire too.
            #[allow(clippy::cast_precision_loss, reason = "the wire has floats")]
            Self::Int(whole) => Some(*whole as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// Text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A value of a case, with its forms expanded: `now` is the value of `{"$now": 0}`.
    pub fn of_case(json: &Value, now: f64) -> Self {
        match json {
            Value::Object(map) => form(map, now).unwrap_or_else(|| {
                Self::Map(
                    map.iter()
                        .map(|(k, v)| (expand_key(k), Self::of_case(v, now)))
                        .collect(),
                )
            }),
            Value::Array(list) => Self::List(list.iter().map(|v| Self::of_case(v, now)).collect()),
            plain => Self::plain(plain),
        }
    }

    /// A value of a recorded result.
    pub fn of_result(json: &Value) -> Self {
        match json {
            Value::Object(map) => match (map.len(), map.get("$float"), map.get("$opaque")) {
                (1, Some(float), _) => float_of(float),
                (1, _, Some(_)) => Self::Opaque,
                _ => Self::Map(
                    map.iter()
                        .map(|(k, v)| (k.clone(), Self::of_result(v)))
                        .collect(),
                ),
            },
            Value::Array(list) => Self::List(list.iter().map(Self::of_result).collect()),
            plain => Self::plain(plain),
        }
    }

    /// The value as a recorded result writes it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(yes) => Value::from(*yes),
            Self::Int(whole) => {
                i64::try_from(*whole).map_or_else(|_| json_float(self.number()), Value::from)
            }
            Self::Float(_) => json_float(self.number()),
            Self::Text(text) => Value::from(text.as_str()),
            Self::List(list) => list.iter().map(Self::to_json).collect(),
            Self::Map(map) => map.iter().map(|(k, v)| (k.clone(), v.to_json())).collect(),
            Self::Opaque => json!({"$opaque": true}),
        }
    }

    fn plain(json: &Value) -> Self {
        match json {
            Value::Bool(yes) => Self::Bool(*yes),
            Value::String(text) => Self::Text(text.clone()),
            Value::Number(number) => number.as_i128().map_or_else(
                || Self::Float(number.as_f64().unwrap_or(f64::NAN)),
                Self::Int,
            ),
            _ => Self::Null,
        }
    }

    /// Whether `compare.py` treats two values as equal: numbers within 1e-9, NaN equal to itself.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, value)| get(b, key).is_some_and(|other| value.same(other)))
            }
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => close(a, b),
                _ => self == other,
            },
        }
    }
}

/// The value of a key of a dictionary.
pub fn get<'a>(map: &'a [(String, Val)], key: &str) -> Option<&'a Val> {
    map.iter()
        .find_map(|(known, value)| (known == key).then_some(value))
}

/// Python's `math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)`, except that NaN is close to itself.
fn close(a: f64, b: f64) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    #[allow(clippy::float_cmp, reason = "infinities are close only if equal")]
    let equal = a == b;
    equal
        || (a.is_finite()
            && b.is_finite()
            && (a - b).abs() <= f64::max(1e-9 * f64::max(a.abs(), b.abs()), 1e-9))
}

fn form(map: &Map<String, Value>, now: f64) -> Option<Val> {
    let (name, inner) = map.iter().next().filter(|_| map.len() == 1)?;
    match name.as_str() {
        "$float" => Some(float_of(inner)),
        "$now" => Some(Val::Float(now + inner.as_f64()?)),
        "$opaque" => Some(Val::Opaque),
        "$repeat" => Some(repeated(
            inner.get(0)?,
            usize::try_from(inner.get(1)?.as_u64()?).ok()?,
        )),
        _ => None,
    }
}

fn repeated(what: &Value, times: usize) -> Val {
    match what {
        Value::String(text) => Val::Text(text.repeat(times)),
        Value::Array(list) => Val::List(
            (0..times)
                .flat_map(|_| list.iter().map(|v| Val::of_case(v, 0.0)))
                .collect(),
        ),
        other => Val::plain(other),
    }
}

/// A float that JSON has no number for; a text that is none stays one.
fn float_of(json: &Value) -> Val {
    match json {
        Value::String(text) => parse_float(text).map_or_else(|| Val::text(text), Val::Float),
        other => Val::plain(other),
    }
}

/// The other way round: a number, or the text of one that JSON has not.
fn json_float(number: Option<f64>) -> Value {
    let number = number.unwrap_or(f64::NAN);
    Number::from_f64(number).map_or_else(|| json!({"$float": number.to_string()}), Value::Number)
}

/// A float as expositions and cases write it: `+Inf`, `NaN`, `1e+06`.
pub fn parse_float(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// `{x*1000}` inside a key stands for x repeated 1000 times.
pub fn expand_key(key: &str) -> String {
    let mut out = String::new();
    let mut rest = key;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        if let Some((run, after)) = repeat_form(rest) {
            out.push_str(&run);
            rest = after;
        } else {
            out.push('{');
            rest = &rest[1..];
        }
    }
    out + rest
}

fn repeat_form(text: &str) -> Option<(String, &str)> {
    let mut inner = text.strip_prefix('{')?.chars();
    let unit = inner.next().filter(|c| *c != '\n')?;
    let (count, after) = inner.as_str().strip_prefix('*')?.split_once('}')?;
    let times: usize = count
        .parse()
        .ok()
        .filter(|_| count.bytes().all(|b| b.is_ascii_digit()))?;
    Some((unit.to_string().repeat(times), after))
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Int(whole) => write!(f, "{whole}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Opaque => f.write_str("<opaque>"),
            Self::List(list) => {
                f.write_str("[")?;
                for (at, item) in list.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("{")?;
                for (at, (key, item)) in map.iter().enumerate() {
                    write!(f, "{}{key:?}: {item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_case_are_expanded() {
        let json = json!([{"$float": "-Inf"}, {"$now": -2.5}, {"$opaque": 1}, {"$repeat": ["ab", 2]}, {"a{z*3}": true}]);
        let expected = Val::List(vec![
            Val::Float(f64::NEG_INFINITY),
            Val::Float(97.5),
            Val::Opaque,
            Val::text("abab"),
            Val::Map(vec![("azzz".to_owned(), Val::Bool(true))]),
        ]);
        assert_eq!(Val::of_case(&json, 100.0), expected);
    }

    #[test]
    fn a_value_is_read_back_from_how_it_is_written() {
        let value = Val::Map(vec![
            ("nothing".to_owned(), Val::Null),
            ("flag".to_owned(), Val::Bool(true)),
            (
                "numbers".to_owned(),
                Val::List(
                    [0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]
                        .map(Val::Float)
                        .into(),
                ),
            ),
            ("whole".to_owned(), Val::Int(1 << 60)),
            ("text".to_owned(), Val::text("a\n")),
            ("object".to_owned(), Val::Opaque),
        ]);
        assert!(Val::of_result(&value.to_json()).same(&value));
    }

    #[test]
    fn only_the_repeat_form_of_a_key_is_expanded() {
        assert_eq!(expand_key("a{b*2}{c}{*3}{xy*2}{d*1}"), "abb{c}{*3}{xy*2}d");
    }

    #[test]
    fn numbers_are_the_same_within_a_billionth() {
        assert!(Val::Int(1).same(&Val::Float(1.0 + 1e-10)));
        assert!(Val::Bool(true).same(&Val::Int(1)));
        assert!(Val::Float(f64::NAN).same(&Val::Float(f64::NAN)));
        assert!(!Val::Float(f64::INFINITY).same(&Val::Float(1e300)));
        assert!(!Val::Text("1".into()).same(&Val::Int(1)));
    }
}
