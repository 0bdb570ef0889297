//! Keys of the values that user code records: `name___label__value___label__value`, parsed once.

use std::fmt::Write as _;

const SEPARATOR: &str = "___";
const ASSIGN: &str = "__";

/// A parsed key.
///
/// # Definition
///
/// `name___label__value___label__value`, where the name is the part before the first `___`. Within a label the first
/// `__` separates name from value, so values may hold `__`. Between labels a `___` separates only where a label
/// follows; anything else belongs to the value before it, so values may also begin or end with `_` and hold `___`:
///
/// * of a run of more than three underscores between two labels, the last three separate and the rest ends the value;
/// * a name followed by exactly three underscores is a label whose value begins with `_`, unless a whole
///   `label__value` comes after them: then, as the original reads it, it is a malformed part before that label (after a
///   label: the end of that label's value).
///
/// A first part without a `__` or without a name is malformed and left out; a repeated label name is left out too
/// (the first wins). The series is kept without them. Every key in which the original finds no fault, and whose runs
/// of underscores are at most three long, is read as the original reads it.
///
/// # Examples
///
/// ```
/// use monitor_core::key::StatKey;
///
/// let key = StatKey::parse("cache hits___tier__memory___path____init__.py");
/// assert_eq!(key.name(), "cache hits");
/// assert_eq!(key.label("tier"), Some("memory"));
/// assert_eq!(key.label("path"), Some("__init__.py"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StatKey {
    /// The key as written.
    pub raw: Box<str>,
    /// Where the name ends in it.
    name_end: usize,
    /// Labels in the order written; names as written, each once, none empty.
    pub labels: Box<[(Box<str>, Box<str>)]>,
}

/// A part of a key that is not among its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DroppedPart<'a> {
    /// A part that is no `label__value`.
    Malformed(&'a str),
    /// A further value of a label of this name.
    Repeated(&'a str),
}

impl StatKey {
    /// Parses a key. Any text is one: parts that are no labels are left out, see [`dropped`](Self::dropped).
    pub fn parse(raw: &str) -> Self {
        Self::read(raw, |_| ())
    }

    /// The parts of the key that are not among its labels.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::key::{DroppedPart, StatKey};
    ///
    /// let key = StatKey::parse("jobs___fast");
    /// assert!(key.labels.is_empty());
    /// assert_eq!(key.dropped(), [DroppedPart::Malformed("fast")]);
    /// ```
    pub fn dropped(&self) -> Vec<DroppedPart<'_>> {
        let mut parts = Vec::new();
        Self::read(&self.raw, |part| parts.push(part));
        parts
    }

    /// A key that begins with a name and has these labels; they need not stand in its text.
    pub(crate) fn from_parts(
        raw: &str,
        name: &str,
        labels: impl IntoIterator<Item = (Box<str>, Box<str>)>,
    ) -> Self {
        debug_assert!(raw.starts_with(name));
        Self {
            raw: raw.into(),
            name_end: name.len(),
            labels: labels.into_iter().collect(),
        }
    }

    /// The name as written (before sanitising).
    pub fn name(&self) -> &str {
        self.raw.get(..self.name_end).unwrap_or_default()
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let (_, value) = self.labels.iter().find(|(known, _)| &**known == name)?;
        Some(value)
    }

    /// Writes the key of a name and labels.
    ///
    /// [`parse`](Self::parse) reads it back if neither the name nor a label name holds `__` or begins or ends with `_`,
    /// and no value holds or, with the underscores around it, makes up a `___` followed by something like a label.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::key::StatKey;
    ///
    /// assert_eq!(StatKey::write("jobs", &[("queue", "fast")]), "jobs___queue__fast");
    /// ```
    pub fn write(name: &str, labels: &[(&str, &str)]) -> String {
        let mut key = name.to_owned();
        for (label, value) in labels {
            // Writing to a String cannot fail.
            let _ = write!(key, "{SEPARATOR}{label}{ASSIGN}{value}");
        }
        key
    }

    /// The key of the child of all label sets that a family of this name has no room for.
    pub(crate) fn write_overflow(name: &str) -> String {
        Self::write(name, &[("overflow", "true")])
    }

    /// The name of a key, without parsing the rest.
    pub(crate) fn name_of(raw: &str) -> &str {
        raw.split_once(SEPARATOR).map_or(raw, |(name, _)| name)
    }

    fn read<'a>(raw: &'a str, mut dropped: impl FnMut(DroppedPart<'a>)) -> Self {
        let name = Self::name_of(raw);
        let mut rest = raw.get(name.len() + SEPARATOR.len()..);
        let mut labels: Vec<(Box<str>, Box<str>)> = Vec::new();
        while let Some(text) = rest {
            let (label, after) = next_part(text);
            rest = after;
            match label {
                Err(part) => dropped(DroppedPart::Malformed(part)),
                Ok((name, _)) if labels.iter().any(|(known, _)| **known == *name) => {
                    dropped(DroppedPart::Repeated(name));
                }
                Ok((name, value)) => labels.push((name.into(), value.into())),
            }
        }
        Self::from_parts(raw, name, labels)
    }
}

/// The label that `text` begins with, or the malformed part, and the text after its separator.
fn next_part(text: &str) -> (Result<(&str, &str), &str>, Option<&str>) {
    let Some((at, length)) = first_run(text, ASSIGN) else {
        return (Err(text), None);
    };
    if at == 0 {
        let (part, after) = split_value(text, length);
        return (Err(part), after);
    }
    let after_three = text.get(at + 3..).unwrap_or_default();
    if length == 3 && begins_with_whole_label(after_three) {
        return (Err(&text[..at]), Some(after_three));
    }
    let (value, after) = split_value(&text[at + 2..], 0);
    (Ok((&text[..at], value)), after)
}

/// Splits at the first separator, at or after `from`, that a label follows.
fn split_value(text: &str, mut from: usize) -> (&str, Option<&str>) {
    while let Some((at, length)) = first_run(&text[from..], SEPARATOR) {
        let end = from + at + length;
        let after = &text[end..];
        if begins_with_label(after) {
            return (&text[..end - 3], Some(after));
        }
        from = end;
    }
    (text, None)
}

/// Whether a label's name and its `__` come first, as opposed to a further piece of the value before it.
fn begins_with_label(text: &str) -> bool {
    match first_run(text, ASSIGN) {
        None | Some((0, _)) => false,
        Some((at, 3)) => !begins_with_whole_label(&text[at + 3..]),
        Some(_) => true,
    }
}

/// Whether the text up to the next `___` is a label as the original wants it: with one `__`, and a name before it.
fn begins_with_whole_label(text: &str) -> bool {
    let label = StatKey::name_of(text).split_once(ASSIGN);
    label.is_some_and(|(name, value)| !name.is_empty() && !value.contains(ASSIGN))
}

/// Where the first run of underscores begins that is at least this long, and how long it is.
fn first_run(text: &str, least: &str) -> Option<(usize, usize)> {
    let at = text.find(least)?;
    let length = text[at..].bytes().take_while(|byte| *byte == b'_').count();
    Some((at, length))
}

#[cfg(test)]
mod tests;
