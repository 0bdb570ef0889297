//! A YAML document as a tree that knows where each value stands and how it is written.
//!
//! The events of `granit-parser` are put together here, rather than read by a deserializer into types: a refusal can then name
//! line, key path and value as its reader finds them in the file, and what a service's document holds beside the server's
//! section is only looked at for its shape.
//!
//! - Plain scalars are resolved as YAML 1.2 has it, with `yes`, `no`, `on`, `off`, `y` and `n` of YAML 1.1, as the format of
//!   Prometheus' exporters knows them, and with `_` in whole numbers. The tags of the core schema are followed, others ignored.
//! - A key that stands twice in a map is an error. Keys are compared as they are written.
//! - An alias is read again from the events of what it stands for, at the alias's own line. [`MOST_REPEATED`] bounds the values
//!   that come from aliases in all, and [`DEEPEST`] how deep anything is, so that neither an alias of aliases (the "billion
//!   laughs") nor one of itself takes memory or stack.
//! - `<<` takes over the entries of a map, or of each map of a list, that the map around it does not have itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::setting::Shown;

/// Most values that come from aliases, in all of a document: far more than a configuration has, and a few megabytes.
const MOST_REPEATED: usize = 100_000;

/// Deepest nesting, aliases followed.
const DEEPEST: usize = 255;

/// A value, where it stands, and how it is written.
#[derive(Debug)]
pub(super) struct Node {
    place: (u64, u64),
    /// The text of a scalar; 10000 may be written `10000`, `010000`, `1e4`, and a message shows what its reader can find.
    pub(super) written: String,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// The text is what is written.
    Text,
    List(Vec<Node>),
    /// In the order of the document. A key is the text that is written, whatever its type.
    Map(Vec<(Node, Node)>),
}

/// Why a text is no document.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// Line and column, from 1.
    pub(super) place: (u64, u64),
    pub(super) reason: String,
}

impl SyntaxError {
    fn at(place: (u64, u64), reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { place, reason }
    }
}

impl From<ScanError> for SyntaxError {
    fn from(error: ScanError) -> Self {
        Self::at(position(error.marker()), error.info())
    }
}

fn position(marker: &Marker) -> (u64, u64) {
    let line = u64::try_from(marker.line()).unwrap_or(u64::MAX);
    let column = u64::try_from(marker.col()).unwrap_or(u64::MAX);
    (line.max(1), column.saturating_add(1))
}

impl Node {
    /// Line and column, from 1.
    pub(super) fn position(&self) -> (u64, u64) {
        self.place
    }

    /// Whether it is no list and no map; null is a scalar.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self.value, Value::List(_) | Value::Map(_))
    }

    /// The value that a map has under this key.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let named = entries.iter().find(|(key, _)| key.written == name);
        named.map(|(_, node)| node)
    }

    /// The value that a list has at this place.
    pub(super) fn item(&self, index: usize) -> Option<&Self> {
        match &self.value {
            Value::List(items) => items.get(index),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        matches!(self.value, Value::Text).then_some(&*self.written)
    }

    /// A whole number, as such or as text.
    pub(super) fn whole<T: TryFrom<i128>>(&self) -> Option<T> {
        let number = match &self.value {
            Value::Int(number) => *number,
            Value::Text => self.written.trim().parse().ok()?,
            _ => return None,
        };
        T::try_from(number).ok()
    }

    /// A number, as such or as text.
    pub(super) fn number(&self) -> Option<f64> {
        match &self.value {
            // Exact below 2^53, and beyond that as near as the original gets.
            #[allow(clippy::cast_precision_loss, reason = "a gauge is a double")]
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Text => self.written.trim().parse().ok(),
            _ => None,
        }
    }

    /// A truth value, as such or as the text of one.
    pub(super) fn flag(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(flag) => Some(*flag),
            Value::Text => self.written.parse().ok(),
            _ => None,
        }
    }
}

impl fmt::Display for Node {
    /// As error messages show it: scalars in backticks, shortened; other things by kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = Shown(&self.written);
        match &self.value {
            Value::Null if matches!(&*self.written, "" | "null") => f.write_str("nothing"),
            Value::Null => write!(f, "nothing (`{written}`)"),
            Value::Bool(_) => write!(f, "the truth value `{written}`"),
            Value::Int(_) | Value::Float(_) => write!(f, "`{written}`"),
            Value::Text => write!(f, "the text `{written}`"),
            Value::List(_) => f.write_str("a list"),
            Value::Map(_) => f.write_str("a map"),
        }
    }
}

/// Reads one document; an empty one is [`Value::Null`].
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let events = Parser::new_from_str(text).collect::<Result<Vec<_>, _>>()?;
    let content = events
        .iter()
        .position(|(event, _)| !matches!(event, Event::StreamStart | Event::DocumentStart(..)));
    let mut reader = Reader {
        events: &events,
        next: content.unwrap_or_default(),
        anchors: BTreeMap::new(),
        left: MOST_REPEATED,
        repeats: false,
    };
    let document = reader.node(0)?;
    let begins = |(event, _): &&(_, _)| matches!(event, Event::DocumentStart(..));
    match events.iter().skip(reader.next).find(begins) {
        Some((_, span)) => Err(SyntaxError::at(
            position(&span.start),
            "a second document begins",
        )),
        None => Ok(document),
    }
}

/// Puts events together. The parser has seen to it that what begins ends, and that aliases have anchors.
struct Reader<'e, 't> {
    events: &'e [(Event<'t>, Span)],
    next: usize,
    /// Where the value of an anchor begins.
    anchors: BTreeMap<usize, usize>,
    /// How many more values may come from aliases.
    left: usize,
    /// Whether an alias is being read.
    repeats: bool,
}

impl Reader<'_, '_> {
    fn node(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        let begin = self.next;
        let Some((event, span)) = self.events.get(begin) else {
            return Err(SyntaxError::at((1, 1), "the text ends early"));
        };
        self.next += 1;
        if self.repeats {
            let left = self.left.checked_sub(1);
            self.left = left.ok_or_else(|| {
                SyntaxError::at(position(&span.start), "aliases stand for too many values")
            })?;
        }
        if depth > DEEPEST {
            return Err(SyntaxError::at(
                position(&span.start),
                "values are nested too deep",
            ));
        }
        if let Event::Scalar(_, _, anchor, _)
        | Event::SequenceStart(_, anchor, _)
        | Event::MappingStart(_, anchor, _) = event
        {
            self.anchors.insert(*anchor, begin);
        }
        let place = position(&span.start);
        let mut written = String::new();
        let value = match event {
            Event::Alias(anchor) => {
                let node = self.repeat(*anchor, depth)?;
                return Ok(Node { place, ..node });
            }
            Event::Scalar(text, style, _, tag) => {
                // The parser gives `~` for a value that is left out.
                let is_written = span.start.index() < span.end.index();
                written = text.to_string();
                if !is_written && *style == ScalarStyle::Plain {
                    written.clear();
                }
                resolve(text, *style, tag.as_deref())
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while !self.ends(&Event::SequenceEnd) {
                    items.push(self.node(depth + 1)?);
                }
                Value::List(items)
            }
            Event::MappingStart(..) => Value::Map(self.entries(depth + 1)?),
            // The end of a document without a value.
            _ => Value::Null,
        };
        Ok(Node {
            place,
            written,
            value,
        })
    }

    /// Whether the collection ends here, and then goes on behind its end.
    fn ends(&mut self, end: &Event<'_>) -> bool {
        let is_end = self
            .events
            .get(self.next)
            .is_none_or(|(event, _)| event == end);
        self.next += usize::from(is_end);
        is_end
    }

    fn repeat(&mut self, anchor: usize, depth: usize) -> Result<Node, SyntaxError> {
        let target = self.anchors.get(&anchor).copied().unwrap_or(usize::MAX);
        let (next, repeats) = (self.next, self.repeats);
        (self.next, self.repeats) = (target, true);
        // One deeper, so that an alias of an alias is bounded too.
        let node = self.node(depth + 1)?;
        (self.next, self.repeats) = (next, repeats);
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, SyntaxError> {
        let (mut entries, mut merged) = (Vec::new(), Vec::new());
        let mut names = BTreeSet::new();
        while !self.ends(&Event::MappingEnd) {
            let merges = matches!(
                self.events.get(self.next),
                Some((Event::Scalar(text, ScalarStyle::Plain, _, None), _)) if text == "<<"
            );
            let key = as_name(self.node(depth)?);
            let value = self.node(depth)?;
            if merges {
                merged.extend(maps(value)?);
            } else if key.is_scalar() && !names.insert(key.written.clone()) {
                return Err(SyntaxError::at(key.place, "a key stands twice in a map"));
            } else {
                entries.push((key, value));
            }
        }
        merged.retain(|(key, _)| names.insert(key.written.clone()));
        entries.append(&mut merged);
        Ok(entries)
    }
}

/// A key as text. One that is no scalar has no name, and one that is left out is null.
fn as_name(mut key: Node) -> Node {
    if !key.is_scalar() {
        "?".clone_into(&mut key.written);
    } else if matches!(key.value, Value::Null) && key.written.is_empty() {
        "null".clone_into(&mut key.written);
    }
    key
}

/// The entries that `<<` takes over.
fn maps(node: Node) -> Result<Vec<(Node, Node)>, SyntaxError> {
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::List(items) => {
            let maps = items.into_iter().map(maps).collect::<Result<Vec<_>, _>>()?;
            Ok(maps.into_iter().flatten().collect())
        }
        Value::Null => Ok(Vec::new()),
        _ => Err(SyntaxError::at(
            node.place,
            "`<<` needs a map, or a list of maps",
        )),
    }
}

/// The value of a scalar: what its tag says, else what it looks like where it stands in no quotes.
fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let value = match tag.and_then(Tag::core_suffix) {
        Some("str") => Value::Text,
        Some(_) => plain(text),
        None if tag.is_some_and(|tag| tag.to_string() == "!") => Value::Text,
        None if style == ScalarStyle::Plain => plain(text),
        None => Value::Text,
    };
    match (value, tag.and_then(Tag::core_suffix)) {
        #[allow(clippy::cast_precision_loss, reason = "it is to be a double")]
        (Value::Int(number), Some("float")) => Value::Float(number as f64),
        (value, _) => value,
    }
}

fn plain(text: &str) -> Value {
    let lower = text.to_ascii_lowercase();
    match &*lower {
        "" | "~" => Value::Null,
        "null" if matches!(text, "null" | "Null" | "NULL") => Value::Null,
        "true" | "yes" | "on" | "y" => Value::Bool(true),
        "false" | "no" | "off" | "n" => Value::Bool(false),
        _ => match (integer(&lower), float(&lower)) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::Float(number),
            (None, None) => Value::Text,
        },
    }
}

/// A whole number in lower case, decimal without a 0 before it, or with `0x`, `0o` or `0b`.
fn integer(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let radices = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefixed = radices.into_iter().find_map(|(prefix, radix)| {
        let digits = unsigned.strip_prefix(prefix)?;
        Some((digits, radix))
    });
    let (digits, radix) = prefixed.unwrap_or((unsigned, 10));
    let is_padded = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    let is_parted = digits.starts_with(['_', '+', '-']) || digits.ends_with('_');
    if is_padded || is_parted || digits.contains("__") {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let digits = digits.replace('_', "");
    i128::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// A number in lower case. Rust's own words for what is not finite are texts.
fn float(text: &str) -> Option<f64> {
    match text {
        ".nan" | "+.nan" | "-.nan" => Some(f64::NAN),
        ".inf" | "+.inf" => Some(f64::INFINITY),
        "-.inf" => Some(f64::NEG_INFINITY),
        _ if text.contains(|c: char| c.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
