//! One setting: where it is written, how it is read from a document, and what is said of a value that cannot be used.
//!
//! [`At`] is a position: what settings are read from (a document, the environment, calls of the builder), the path of keys, and,
//! in a document, the [`Node`] there. A part of the configuration is *read* (types and keys, [`Setting::read`]) on top of what was
//! there, and then *validated* (ranges and names) once for all origins: `validate(&self, at)` asks its position for the parts of
//! the value, which are nodes of the document where they come from one, and else were set in code.
//!
//! A part lists its settings in [`settings!`]: documentation, key of the file, field, and setter in one place.

#[cfg(feature = "yaml")]
use std::time::Duration;
use std::{borrow::Cow, fmt};

#[cfg(feature = "yaml")]
use monitor_core::names::Profile;

use super::yaml::Node;
#[cfg(feature = "yaml")]
use super::yaml::Value;
use crate::error::{ConfigError, Origin, Place};

/// Longest time, in seconds: 31 years, which keeps sums with the clock in range.
pub(super) const MAX_SECONDS: f64 = 1e9;

/// What a wrong value is measured against, where more than one place says it.
pub(super) mod expected {
    pub(crate) const PORT: &str = "a port number from 0 to 65535";
    pub(crate) const LISTEN: &str =
        "an IP address, with or without a port, or `unix:` and an absolute path";
    pub(crate) const WORD: &str = "a word that is not blank";
    pub(crate) const TEXT: &str = "a text";
    pub(crate) const NUMBER: &str = "a number";
    pub(crate) const NOT_BLANK: &str = "a text that is not blank";
    pub(crate) const TOKEN: &str = "a text of at least 16 visible ASCII characters";
    pub(crate) const BCRYPT: &str = "a bcrypt hash (`htpasswd -nBC 10 USER` makes one)";
    pub(crate) const NETWORK: &str =
        "an IP address or a network as `10.0.0.0/8`, with no bit set behind its length";
}

/// A position of a setting.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    origin: &'a Origin,
    path: String,
    node: Option<&'a Node>,
    /// Whether keys, and what stands in place of a map, may be secrets.
    hides: bool,
}

impl<'a> At<'a> {
    /// A position that is in no document: a call of the builder, an environment variable.
    pub(super) fn named(origin: &'a Origin, path: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            origin,
            path,
            node: None,
            hides: false,
        }
    }

    /// The settings that were made in code, of which this is the path.
    pub(super) fn code(path: &str) -> At<'static> {
        At::named(&Origin::Code, path)
    }

    pub(super) fn key(&self, name: &str) -> Self {
        let name = self.shown(name);
        let path = match &*self.path {
            "" => name.clone().into_owned(),
            path => format!("{path}.{name}"),
        };
        self.below(path, self.node.and_then(|node| node.get(&name)))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        let node = self.node.and_then(|node| node.item(index));
        self.below(format!("{}[{index}]", self.path), node)
    }

    /// What a document does not hold was set in code.
    fn below(&self, path: String, node: Option<&'a Node>) -> Self {
        let origin = match (self.node, node) {
            (Some(_), None) => &Origin::Code,
            _ => self.origin,
        };
        Self {
            origin,
            path,
            node,
            hides: self.hides,
        }
    }

    fn shown<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.hides {
            without_secret(name)
        } else {
            name.into()
        }
    }

    pub(super) fn place(&self) -> Place {
        let position = self.node.map(Node::position);
        Place::new(self.origin.clone(), position, self.path.clone())
    }

    pub(super) fn invalid(&self, expected: &'static str, found: &dyn fmt::Display) -> ConfigError {
        ConfigError::Invalid {
            place: self.place(),
            expected,
            found: found.to_string(),
        }
    }

    /// The same of a value that may be, or hold, a secret.
    pub(super) fn hidden(&self, expected: &'static str) -> ConfigError {
        self.invalid(expected, &"the text `<secret>`")
    }

    /// An error if this text, which is the value or the key, is not as it has to be.
    pub(super) fn require(
        &self,
        is_good: bool,
        expected: &'static str,
        text: &str,
    ) -> Result<(), ConfigError> {
        if is_good {
            return Ok(());
        }
        Err(self.invalid(expected, &format_args!("the text `{}`", Shown(text))))
    }

    pub(super) fn require_not_blank(
        &self,
        expected: &'static str,
        text: &str,
    ) -> Result<(), ConfigError> {
        self.require(!text.trim().is_empty(), expected, text)
    }

    /// An error if the value, which is this number, is out of its range. A document's is shown as it is written.
    pub(super) fn require_range(
        &self,
        is_good: bool,
        expected: &'static str,
        found: &dyn fmt::Debug,
    ) -> Result<(), ConfigError> {
        match self.node {
            _ if is_good => Ok(()),
            Some(node) => Err(self.invalid(expected, node)),
            None => Err(self.invalid(expected, &format_args!("`{found:?}`"))),
        }
    }
}

/// Reading from a document.
#[cfg(feature = "yaml")]
impl<'a> At<'a> {
    /// A document, or a section of it.
    pub(super) fn document(origin: &'a Origin, node: &'a Node) -> Self {
        Self {
            node: Some(node),
            ..Self::named(origin, "")
        }
    }

    /// The same where keys, and what stands in place of a map, may be secrets: with a forgotten space, `ann:$2y$..` is a text,
    /// and a secret.
    pub(super) fn hiding(self, hides: bool) -> Self {
        Self { hides, ..self }
    }

    /// Whether there is a value that is no list and no map.
    pub(super) fn is_scalar(&self) -> bool {
        self.node.is_some_and(Node::is_scalar)
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.map().is_ok_and(<[_]>::is_empty)
    }

    /// The position of a key that has a value.
    pub(super) fn given(&self, key: &str) -> Option<Self> {
        let at = self.key(key);
        let is_given = at
            .node
            .is_some_and(|node| !matches!(node.value, Value::Null));
        is_given.then_some(at)
    }

    pub(super) fn refused(&self, expected: &'static str) -> ConfigError {
        match self.node {
            Some(node) => self.invalid(expected, node),
            None => self.invalid(expected, &"nothing"),
        }
    }

    fn unknown(&self, key: &Node, known: &[&'static str]) -> ConfigError {
        let mut name = self.shown(&key.written);
        if name.starts_with(UNSPACED_TOKENS) {
            name = without_secret(&key.written);
        }
        let unspaced = name.split(':').next().unwrap_or_default();
        ConfigError::UnknownKey {
            place: Place::new(
                self.origin.clone(),
                Some(key.position()),
                self.key(&name).path,
            ),
            nearest: nearest(unspaced, known),
        }
    }

    pub(super) fn missing(&self, key: &str, expected: &'static str) -> ConfigError {
        let place = Place {
            key: self.key(key).path,
            ..self.place()
        };
        ConfigError::Missing { place, expected }
    }

    /// A setting for a cargo feature that is off.
    #[allow(dead_code, reason = "with all features there is none")]
    pub(super) fn missing_feature(&self, feature: &'static str) -> ConfigError {
        let place = self.place();
        ConfigError::MissingFeature { place, feature }
    }

    /// The value as `read` takes it.
    pub(super) fn value<T>(
        &self,
        expected: &'static str,
        read: impl FnOnce(&'a Node) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let read = self.node.and_then(read);
        read.ok_or_else(|| self.refused(expected))
    }

    /// A text. A number is refused: `1.10` would be read as 1.1, and a revision of digits as a number.
    pub(super) fn text(&self, expected: &'static str) -> Result<String, ConfigError> {
        let needs_quotes = self.node.is_some_and(|node| {
            matches!(node.value, Value::Bool(_) | Value::Int(_) | Value::Float(_))
        });
        let expected = if needs_quotes {
            "a text (put it in quotes)"
        } else {
            expected
        };
        let text = self.value(expected, Node::text)?;
        Ok(text.to_owned())
    }

    /// The items of a list, each as `read` takes it.
    pub(super) fn items<T>(
        &self,
        expected: &'static str,
        read: impl Fn(&At<'a>) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        let count = self.value(expected, |node| match &node.value {
            Value::List(items) => Some(items.len()),
            _ => None,
        })?;
        (0..count).map(|index| read(&self.index(index))).collect()
    }

    /// A text in place of the list would be taken letter by letter (defect E7 of the original).
    pub(super) fn words(&self) -> Result<Vec<String>, ConfigError> {
        self.items("a list of words", |item| item.text(expected::WORD))
    }

    fn map(&self) -> Result<&'a [(Node, Node)], ConfigError> {
        let map = self.value("a map", |node| match &node.value {
            Value::Map(entries) => Some(entries.as_slice()),
            Value::Null => Some(&[]),
            _ => None,
        });
        match map {
            Err(_) if self.hides && self.is_scalar() => Err(self.hidden("a map")),
            map => map,
        }
    }

    /// The entries of a map whose keys are names, each as `read` takes it.
    pub(super) fn entries<T>(
        &self,
        mut read: impl FnMut(&'a str, &At<'a>) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        let entry = |(key, node): &'a (Node, Node)| {
            let at = Self {
                node: Some(node),
                origin: self.origin,
                ..self.key(&key.written)
            };
            read(&key.written, &at)
        };
        self.map()?.iter().map(entry).collect()
    }

    /// Gives the values of a map, whose keys are among the known ones, to `read`. A key without a value is as if it were not there.
    pub(super) fn each(
        &self,
        known: &[&'static str],
        mut read: impl FnMut(&'static str, &At<'a>) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        for (key, _) in self.map()? {
            let name = known.iter().find(|known| **known == key.written);
            let name = name.ok_or_else(|| self.unknown(key, known))?;
            if let Some(at) = self.given(name) {
                read(name, &at)?;
            }
        }
        Ok(())
    }
}

/// With a forgotten space, `{ann:$2y$..}` is a key without a value, and the secret is in the key; so it is where a hash stands
/// before its user.
fn without_secret(name: &str) -> Cow<'_, str> {
    match name.split_once(':') {
        Some((name, _)) => format!("{name}:<secret>").into(),
        None if name.starts_with("$2") => "<secret>".into(),
        None => name.into(),
    }
}

/// How a key begins whose value is secret, where the space between them is forgotten: both are a text then, or the end of one.
const UNSPACED_TOKENS: &str = "bearer_tokens:";

/// A text as messages show it, which go into logs: without tokens, cut after 80 characters, control characters escaped.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0.split_once(UNSPACED_TOKENS) {
            Some((before, _)) => Cow::from(format!("{before}{UNSPACED_TOKENS}<secret>")),
            None => self.0.into(),
        };
        let mut characters = text.chars();
        for c in characters.by_ref().take(80) {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        f.write_str(if characters.next().is_some() {
            ".."
        } else {
            ""
        })
    }
}

/// The known key most like the one written: least letters to change, by Levenshtein's distance of the first 64 characters.
#[cfg(feature = "yaml")]
fn nearest(written: &str, known: &[&'static str]) -> &'static str {
    let written = written.to_lowercase().replace(['-', ' '], "_");
    let distance = |key: &&&str| {
        let key: Vec<char> = key.replace(' ', "_").chars().take(64).collect();
        let mut row: Vec<usize> = (0..=key.len()).collect();
        for (i, c) in written.chars().take(64).enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, d) in key.iter().enumerate() {
                let changed = diagonal + usize::from(c != *d);
                diagonal = row[j + 1];
                row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
            }
        }
        row[key.len()]
    };
    known
        .iter()
        .min_by_key(distance)
        .copied()
        .unwrap_or_default()
}

/// A value, or a part of the configuration, that is read on top of what is there.
#[cfg(feature = "yaml")]
pub(super) trait Setting {
    fn read(&mut self, at: &At<'_>) -> Result<(), ConfigError>;
}

#[cfg(feature = "yaml")]
impl<T: Setting + Default> Setting for Option<T> {
    fn read(&mut self, at: &At<'_>) -> Result<(), ConfigError> {
        self.insert(T::default()).read(at)
    }
}

/// Types of which each value is read in one way.
#[cfg(feature = "yaml")]
macro_rules! values {
    ($($type:ty: $expected:expr, $read:expr;)*) => {$(
        impl Setting for $type {
            fn read(&mut self, at: &At<'_>) -> Result<(), ConfigError> {
                *self = at.value($expected, $read)?;
                Ok(())
            }
        }
    )*};
}

#[cfg(feature = "yaml")]
values! {
    bool: "`true` or `false`", Node::flag;
    u16: expected::PORT, Node::whole;
    usize: "a whole number, 0 or more", Node::whole;
    i64: "a whole number", Node::whole;
    f64: expected::NUMBER, Node::number;
    Duration: "a number of seconds, 0 or more", |node| seconds(node, MAX_SECONDS);
    String: expected::TEXT, |node| node.text().map(str::to_owned);
    Profile: "`servicekit` or `prometheus`", |node| {
        let named = |known: &Profile| node.text() == Some(known.name());
        Profile::ALL.into_iter().find(named)
    };
}

/// A time of seconds up to a longest one.
#[cfg(feature = "yaml")]
pub(super) fn seconds(node: &Node, longest: f64) -> Option<Duration> {
    let seconds = node
        .number()
        .filter(|seconds| (0.0..=longest).contains(seconds))?;
    Some(Duration::from_secs_f64(seconds))
}

/// Lists the settings of a part: documentation, `"key"` in a file, in brackets the cargo feature without which there is none, the
/// field, and the setter, if it is a plain one, with what it takes. Setters are methods of what stands behind `on`, which has the part
/// in the field named there. Keys of a file are read in this order.
macro_rules! settings {
    ($part:ident, on $owner:ident $field:tt {$(
        $(#[$doc:meta])*
        $key:literal $([$feature:literal])? => $($place:ident).+ $(as fn $setter:ident($value:ident: $type:ty))?;
    )*}) => {
        impl $owner {$(
            settings!(@setter [$(#[$doc])* $(#[cfg(feature = $feature)])?]
                $field ($($place).+) $($setter $value $type)?);
        )*}

        #[cfg(feature = "yaml")]
        impl $part {
            pub(super) const KEYS: &[&str] = &[$($key),*];
        }

        #[cfg(feature = "yaml")]
        impl $crate::config::setting::Setting for $part {
            fn read(
                &mut self,
                at: &$crate::config::setting::At<'_>,
            ) -> Result<(), $crate::ConfigError> {
                at.each(Self::KEYS, |key, at| match key {
                    $(
                        $(#[cfg(feature = $feature)])?
                        $key => self.$($place).+.read(at),
                        $(
                            #[cfg(not(feature = $feature))]
                            $key => Err(at.missing_feature($feature)),
                        )?
                    )*
                    _ => Ok(()),
                })
            }
        }
    };
    (@setter $attributes:tt $field:tt $place:tt) => {};
    (@setter [$(#[$attribute:meta])*] ($($field:ident)?) ($($place:ident).+)
        $setter:ident $value:ident $type:ty) => {
        $(#[$attribute])*
        #[must_use]
        pub fn $setter(mut self, $value: $type) -> Self {
            self.$($field.)?$($place).+ = $value.into();
            self
        }
    };
}
pub(super) use settings;
