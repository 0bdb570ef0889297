//! A YAML document as a tree that knows its lines and keeps the order of its keys.
//!
//! Settings are read from the tree by hand rather than by derived code: only so can a refusal name file, line, key path
//! and value, and only so does the rest of a service's document, beside our section, stay none of our business.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, NonFiniteFloatPolicy, Options, Spanned};

/// A value and the line it stands on.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) value: Value,
    /// Where the value is written, in bytes, if that is known.
    span: Option<Range<usize>>,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null(Scalar<()>),
    Bool(Scalar<bool>),
    Int(Scalar<i128>),
    Float(Scalar<f64>),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// What is no text, with its spelling: 10000 may be written `10000`, `010000`, `1e4`, and a message shows what its reader
/// can find.
#[derive(Debug, Clone)]
pub(super) struct Scalar<T> {
    pub(super) value: T,
    written: String,
}

/// As Rust writes it; `99.0`, not `99`.
impl<T: fmt::Debug> From<T> for Scalar<T> {
    fn from(value: T) -> Self {
        let written = format!("{value:?}");
        Self { value, written }
    }
}

impl<T> Scalar<T> {
    /// What stands in the document: one word, or something else than the scalar is meant (a tag before it, a quoted text).
    fn spell(&mut self, written: &str) {
        if is_word(written) {
            written.clone_into(&mut self.written);
        }
    }
}

fn is_word(written: &str) -> bool {
    !written.is_empty() && !written.contains(char::is_whitespace)
}

/// A key as text, whatever it was.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) line: u64,
    pub(super) name: String,
    /// Where it is written, if it is no text.
    span: Option<Range<usize>>,
}

/// Reads one document; an empty one is [`Value::Null`].
pub(super) fn parse(text: &str) -> Result<Node, serde_saphyr::Error> {
    if text.trim().is_empty() {
        return Ok(Node {
            line: 1,
            value: Value::Null(().into()),
            span: None,
        });
    }
    let mut options = Options::default();
    // Other sections are none of our business, and a gauge may be infinite.
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.with_snippet = false;
    let mut document: Node = serde_saphyr::from_str_with_options(text, options)?;
    document.spell(text);
    Ok(document)
}

impl Node {
    /// Gives scalars, and keys that are no text, the spelling that they have in the document.
    fn spell(&mut self, document: &str) {
        let written = slice(document, self.span.as_ref());
        match &mut self.value {
            Value::Null(null) => null.spell(written),
            Value::Bool(flag) => flag.spell(written),
            Value::Int(number) => number.spell(written),
            Value::Float(number) => number.spell(written),
            Value::Text(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.spell(document)),
            Value::Map(entries) => {
                for (key, node) in entries {
                    key.spell(document);
                    node.spell(document);
                }
            }
        }
    }
}

impl Key {
    fn spell(&mut self, document: &str) {
        let written = slice(document, self.span.as_ref());
        if is_word(written) {
            written.clone_into(&mut self.name);
        }
    }
}

fn slice<'d>(document: &'d str, span: Option<&Range<usize>>) -> &'d str {
    let found = span.and_then(|span| document.get(span.clone()));
    found.unwrap_or_default()
}

/// Of an alias the location is that of the value it stands for.
fn span(location: &Location) -> Option<Range<usize>> {
    let span = location.span();
    let begin = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    Some(begin..begin.checked_add(length)?)
}

impl fmt::Display for Value {
    /// As error messages show it: scalars in backticks, shortened; other things by kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(Scalar { written, .. }) if matches!(written.as_str(), "()" | "null") => {
                f.write_str("nothing")
            }
            Self::Null(Scalar { written, .. }) => write!(f, "nothing (`{}`)", Shortened(written)),
            Self::Bool(Scalar { written, .. }) => {
                write!(f, "the truth value `{}`", Shortened(written))
            }
            Self::Int(Scalar { written, .. }) | Self::Float(Scalar { written, .. }) => {
                write!(f, "`{}`", Shortened(written))
            }
            Self::Text(text) => write!(f, "the text `{}`", Shortened(&without_tokens(text))),
            Self::List(_) => f.write_str("a list"),
            Self::Map(_) => f.write_str("a map"),
        }
    }
}

/// How a key begins whose value is secret, where the space between them is forgotten: both are a text then, or the end of one.
pub(super) const UNSPACED_TOKENS: &str = "bearer_tokens:";

fn without_tokens(text: &str) -> Cow<'_, str> {
    match text.split_once(UNSPACED_TOKENS) {
        Some((before, _)) => format!("{before}{UNSPACED_TOKENS}<secret>").into(),
        None => text.into(),
    }
}

/// A text cut after 80 characters, with control characters escaped: it goes into logs.
struct Shortened<'a>(&'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for c in characters.by_ref().take(80) {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        if characters.next().is_some() {
            f.write_str("..")
        } else {
            Ok(())
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            span: span(&spanned.defined),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let (name, span) = match node.value {
            Value::Text(text) => (text, None),
            Value::Bool(Scalar { written, .. }) => (written, node.span),
            Value::Int(Scalar { written, .. }) | Value::Float(Scalar { written, .. }) => {
                (written, node.span)
            }
            Value::Null(_) => ("null".to_owned(), node.span),
            Value::List(_) | Value::Map(_) => ("?".to_owned(), None),
        };
        Ok(Self {
            line: node.line,
            name,
            span,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null(().into()))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null(().into()))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(i128::from(value).into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(i128::from(value).into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Int(
            i128::try_from(value).unwrap_or(i128::MAX).into(),
        ))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Text(String::from_utf8_lossy(value).into_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}
