//! A YAML document as a tree that knows where each value stands and how it is written.
//!
//! The events of `granit-parser` are put together here, rather than read by a deserializer into types: a refusal can
//! then name line, key path and value as its reader finds them in the file, and other sections of a service's document
//! are only checked for their shape.
//!
//! - Plain scalars are resolved as YAML 1.2 has it, with `yes`, `no`, `on`, `off`, `y` and `n` of YAML 1.1, as the
//!   format of Prometheus' exporters knows them, and with `_` in whole numbers. The tags of the core schema are
//!   followed, others ignored.
//! - A key that stands twice in a map is an error. Keys are compared as they are written.
//! - An alias is read again from the events of its anchor, at the alias's own line. [`MOST_REPEATED`] bounds
//!   the values that come from aliases in all, and [`DEEPEST`] how deep anything is, so that neither an alias of
//!   aliases (the "billion laughs") nor one of itself takes memory or stack.
//! - `<<` takes over the entries of a map, or of each map of a list, that the map around it does not have itself.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::setting::{Node, Value};

/// Most values that come from aliases, in all of a document: far more than a configuration has, and a few megabytes.
const MOST_REPEATED: usize = 100_000;

/// Deepest nesting, aliases followed.
const DEEPEST: usize = 255;

/// Why a text is no document, and line and column from 1.
type Fault = (String, (u64, u32));

fn position(marker: &Marker) -> (u64, u32) {
    let line = u64::try_from(marker.line()).unwrap_or(u64::MAX);
    let column = u32::try_from(marker.col()).unwrap_or(u32::MAX);
    (line.max(1), column.saturating_add(1))
}

/// The error for the value that begins here.
fn fault<T>(reason: &str, place: (u64, u32)) -> Result<T, Fault> {
    Err((reason.to_owned(), place))
}

/// Reads one document; an empty one is [`Value::Null`].
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let events = Parser::new_from_str(text).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(|error| (error.info(), position(error.marker())))?;
    let is_begin = |(event, _): &&(Event<'_>, Span)| matches!(event, Event::DocumentStart(..));
    // An empty text has a beginning and an end alone, and no document.
    let first = events.iter().position(|event| is_begin(&event));
    if let Some((_, span)) = events.iter().filter(is_begin).nth(1) {
        return fault("a second document begins", position(&span.start));
    }
    let mut reader = Reader {
        events: &events,
        next: first.map_or(0, |begin| begin + 1),
        anchors: BTreeMap::new(),
        left: events.len() + MOST_REPEATED,
    };
    reader.node(0)
}

/// Puts events together. The parser has checked that collections end and that aliases have anchors.
struct Reader<'e, 't> {
    events: &'e [(Event<'t>, Span)],
    next: usize,
    /// Where the value of an anchor begins.
    anchors: BTreeMap<usize, usize>,
    /// How many more values there may be. At first as many as events, and those that aliases may add.
    left: usize,
}

impl<'e, 't> Reader<'e, 't> {
    fn peek(&self) -> Option<&'e (Event<'t>, Span)> {
        self.events.get(self.next)
    }

    fn node(&mut self, depth: usize) -> Result<Node, Fault> {
        let begin = self.next;
        let Some((event, span)) = self.peek() else {
            return fault("the text ends early", (1, 1));
        };
        let place = position(&span.start);
        self.next += 1;
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return fault("aliases stand for too many values", place);
        }
        if depth > DEEPEST {
            return fault("values are nested too deep", place);
        }
        if let Event::Scalar(_, _, anchor, _)
        | Event::SequenceStart(_, anchor, _)
        | Event::MappingStart(_, anchor, _) = event
        {
            self.anchors.insert(*anchor, begin);
        }
        let (value, written) = match event {
            Event::Alias(anchor) => {
                let target = self.anchors.get(anchor).copied().unwrap_or(usize::MAX);
                let behind = std::mem::replace(&mut self.next, target);
                // One deeper, so that an alias of an alias is bounded too.
                let node = self.node(depth + 1)?;
                self.next = behind;
                return Ok(Node { place, ..node });
            }
            Event::Scalar(text, style, _, tag) if !span.is_empty() => {
                (resolve(text, *style, tag.as_deref()), &**text)
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while !self.ends(&Event::SequenceEnd) {
                    items.push(self.node(depth + 1)?);
                }
                (Value::List(items), "?")
            }
            Event::MappingStart(..) => (Value::Map(self.entries(depth + 1)?), "?"),
            // A value that is left out, for which the parser gives `~`; or the end of a document without one.
            _ => (Value::Null, ""),
        };
        Ok(Node {
            place,
            written: written.to_owned(),
            value,
        })
    }

    /// Whether the collection ends here, and then goes on behind its end.
    fn ends(&mut self, end: &Event<'_>) -> bool {
        let is_end = self.peek().is_none_or(|(event, _)| event == end);
        self.next += usize::from(is_end);
        is_end
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, Fault> {
        let (mut entries, mut merged) = (Vec::new(), Vec::new());
        let mut names = BTreeSet::new();
        while !self.ends(&Event::MappingEnd) {
            let takes_over = matches!(
                self.peek(),
                Some((Event::Scalar(text, ScalarStyle::Plain, _, None), _)) if text == "<<"
            );
            let mut key = self.node(depth)?;
            let value = self.node(depth)?;
            if matches!(key.value, Value::Null) && key.written.is_empty() {
                "null".clone_into(&mut key.written);
            }
            if takes_over {
                merge(value, &mut merged)?;
            } else if key.is_scalar() && !names.insert(key.written.clone()) {
                return fault("a key stands twice in a map", key.place);
            } else {
                entries.push((key, value));
            }
        }
        merged.retain(|(key, _)| names.insert(key.written.clone()));
        entries.append(&mut merged);
        Ok(entries)
    }
}

/// Adds the entries that `<<` takes over: those of a map, or of all maps of a list.
fn merge(node: Node, merged: &mut Vec<(Node, Node)>) -> Result<(), Fault> {
    match node.value {
        Value::Map(entries) => merged.extend(entries),
        Value::List(items) => {
            for item in items {
                merge(item, merged)?;
            }
        }
        Value::Null => {}
        _ => return fault("`<<` needs a map, or a list of maps", node.place),
    }
    Ok(())
}

/// The value of a scalar: by its tag, else by its form where it stands in no quotes.
fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    match tag.and_then(Tag::core_suffix) {
        Some("str") => Value::Text,
        Some("float") => float(&text.to_ascii_lowercase()).map_or(Value::Text, Value::Float),
        Some(_) => plain(text),
        None if tag.is_some_and(|tag| tag.to_string() == "!") => Value::Text,
        None if style == ScalarStyle::Plain => plain(text),
        None => Value::Text,
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

/// A whole number in lower case, decimal without a 0 before it, or with `0x`, `0o` or `0b`; with `_` between digits.
fn integer(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, radix) = match unsigned.get(..2) {
        Some("0x") => (&unsigned[2..], 16),
        Some("0o") => (&unsigned[2..], 8),
        Some("0b") => (&unsigned[2..], 2),
        _ => (unsigned, 10),
    };
    let is_padded = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    let mut groups = digits.split('_');
    if is_padded || groups.any(|group| !group.starts_with(|c: char| c.is_digit(radix))) {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let digits = digits.replace('_', "");
    i128::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// A number in lower case. Rust's own words for infinity and NaN are texts.
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
