//! One setting: where it is written, how it is read from a document, and the errors for values that cannot be used.
//!
//! A document is a tree of [`Node`]s, made by `yaml`. [`At`] is a position: the origin of settings (a document, the
//! environment, calls of the builder), the path of keys and, in a document, the node there. A part of the configuration
//! is first *read* (keys and types) on top of the present values, and then *validated* (ranges and names), once for all
//! origins: `validate(&self, at)` asks its position for the parts of the value. A value that is not in the document was
//! set in code, and is named as such.
//!
//! A part lists its settings in [`settings!`]: documentation, key of the file, field, and setter in one place.

use std::time::Duration;
use std::{borrow::Cow, fmt};

use monitor_core::names::Profile;

use crate::error::{ConfigError, Origin, Place};

/// Longest time, in seconds: 31 years, which keeps sums with the clock in range.
pub(super) const MAX_SECONDS: f64 = 1e9;

/// The result of reading and checking settings.
pub(super) type Result<T = (), E = ConfigError> = std::result::Result<T, E>;

/// The description of valid values.
type Expected = &'static str;

/// Descriptions of valid values that are used more than once.
pub(super) mod expected {
    pub(crate) const PORT: &str = "a port number from 0 to 65535";
    pub(crate) const LISTEN: &str =
        "an IP address, with or without a port, or `unix:` and an absolute path";
    pub(crate) const WORD: &str = "a word that is not blank";
    pub(crate) const NOT_BLANK: &str = "a text that is not blank";
    pub(crate) const TOKEN: &str = "a text of at least 16 visible ASCII characters";
    pub(crate) const NETWORK: &str =
        "an IP address or a network as `10.0.0.0/8`, with no bit set behind its length";
}

/// A list in place of which a text would be taken letter by letter (defect E7 of the original).
pub(super) const WORDS: Expected = "a list of words";

/// A value, where it stands, and how it is written.
#[derive(Debug)]
pub(super) struct Node {
    /// Line and column, from 1.
    pub(super) place: (u64, u32),
    /// The text of a scalar; 10000 may be written `10000`, `010000`, `1e4`, and a message shows the one of the file.
    pub(super) written: String,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// Its text is [`written`](Node::written).
    Text,
    List(Vec<Node>),
    /// In the order of the document. A key is its written text, of any type.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Whether it is no list and no map; null is a scalar.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self.value, Value::List(_) | Value::Map(_))
    }

    /// The value that a map has under this key.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let mut entries = self.map()?.iter();
        let (_, node) = entries.find(|(key, _)| key.written == name)?;
        Some(node)
    }

    /// The entries of a map; null has none.
    fn map(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Null => Some(&[]),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
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
        let written = shown(&self.written);
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

/// A position of a setting.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    origin: &'a Origin,
    path: String,
    node: Option<&'a Node>,
    /// Whether keys, and any value in place of a map, may be secrets.
    hides: bool,
}

impl<'a> At<'a> {
    /// A position that is in no document, but for its root if there is one.
    pub(super) fn new(origin: &'a Origin, path: &str, node: Option<&'a Node>) -> Self {
        Self {
            origin,
            path: path.to_owned(),
            node,
            hides: false,
        }
    }

    /// The settings that were made in code, of which this is the path.
    pub(super) fn code(path: &str) -> At<'static> {
        At::new(&Origin::Code, path, None)
    }

    /// The same where keys, and any value in place of a map, may be secrets: with a forgotten space, `ann:$2y$..` is a
    /// text, and a secret.
    pub(super) fn hiding(self, hides: bool) -> Self {
        Self { hides, ..self }
    }

    pub(super) fn key(&self, name: &str) -> Self {
        let node = self.node.and_then(|node| node.get(name));
        self.below(&self.shown(name), node)
    }

    pub(super) fn index(&self, index: usize) -> Self {
        let node = self.node.and_then(|node| node.list()?.get(index));
        self.below(&format!("[{index}]"), node)
    }

    /// A value that is not in the document was set in code.
    fn below(&self, step: &str, node: Option<&'a Node>) -> Self {
        let is_code = self.node.is_some() && node.is_none();
        let is_joined = self.path.is_empty() || step.starts_with('[');
        let dot = if is_joined { "" } else { "." };
        Self {
            origin: if is_code { &Origin::Code } else { self.origin },
            path: format!("{}{dot}{step}", self.path),
            node,
            hides: self.hides,
        }
    }

    fn shown<'n>(&self, key: &'n str) -> Cow<'n, str> {
        match key.split_once(':') {
            _ if !self.hides && !key.starts_with(UNSPACED_TOKENS) => key.into(),
            // With a forgotten space, `{ann:$2y$..}` is a key without a value, and the secret is in the key.
            Some((name, _)) => format!("{name}:<secret>").into(),
            // So it is where a hash stands before its user.
            None if key.starts_with("$2") => "<secret>".into(),
            None => key.into(),
        }
    }

    pub(super) fn place(&self) -> Place {
        let position = self.node.map(|node| node.place);
        Place::new(self.origin.clone(), position, self.path.clone())
    }

    pub(super) fn invalid(&self, expected: Expected, found: &dyn fmt::Display) -> ConfigError {
        ConfigError::Invalid {
            place: self.place(),
            expected,
            found: found.to_string(),
        }
    }

    /// The same of a value that may be, or hold, a secret.
    pub(super) fn hidden(&self, expected: Expected) -> ConfigError {
        self.invalid(expected, &"the text `<secret>`")
    }

    /// The same of the value of a document.
    pub(super) fn refused(&self, expected: Expected) -> ConfigError {
        let found = self.node.map(|node| node as &dyn fmt::Display);
        self.invalid(expected, found.unwrap_or(&"nothing"))
    }

    /// An error if this text, which is the value or the key, is not as it has to be.
    pub(super) fn require(&self, is_good: bool, expected: Expected, text: &str) -> Result {
        let fault = || self.invalid(expected, &format_args!("the text `{}`", shown(text)));
        is_good.then_some(()).ok_or_else(fault)
    }

    pub(super) fn require_not_blank(&self, expected: Expected, text: &str) -> Result {
        self.require(!text.trim().is_empty(), expected, text)
    }

    /// An error if the value, which is this number, is out of its range. A document's is shown as it is written.
    pub(super) fn require_range(
        &self,
        is_good: bool,
        expected: Expected,
        found: &dyn fmt::Debug,
    ) -> Result {
        is_good
            .then_some(())
            .ok_or_else(|| self.out_of_range(expected, found))
    }

    /// The error for this number.
    pub(super) fn out_of_range(&self, expected: Expected, found: &dyn fmt::Debug) -> ConfigError {
        match self.node {
            Some(_) => self.refused(expected),
            None => self.invalid(expected, &format_args!("`{found:?}`")),
        }
    }

    /// An error for a value that is right by itself, and cannot be used.
    #[cfg(feature = "tls")]
    pub(super) fn unusable(&self, why: &str) -> ConfigError {
        ConfigError::unusable(&self.place(), None, why)
    }

    /// A setting for a cargo feature that is off.
    #[allow(dead_code, reason = "with all features there is none")]
    pub(super) fn missing_feature(&self, feature: &'static str) -> ConfigError {
        let place = self.place();
        ConfigError::MissingFeature { place, feature }
    }
}

/// Reading from a document.
impl<'a> At<'a> {
    /// Whether there is a value that is no list and no map.
    pub(super) fn is_scalar(&self) -> bool {
        self.node.is_some_and(Node::is_scalar)
    }

    /// The value as `read` takes it.
    pub(super) fn value<T>(
        &self,
        expected: Expected,
        read: impl FnOnce(&'a Node) -> Option<T>,
    ) -> Result<T> {
        let read = self.node.and_then(read);
        read.ok_or_else(|| self.refused(expected))
    }

    /// A value of a type of which each is read in one way.
    pub(super) fn scalar<T: Scalar>(&self) -> Result<T> {
        self.value(T::EXPECTED, T::of)
    }

    /// A text. A number is refused: `1.10` would be read as 1.1, and a revision of digits as a number.
    pub(super) fn text(&self, expected: Expected) -> Result<String> {
        let needs_quotes = self.node.is_some_and(|node| {
            matches!(node.value, Value::Bool(_) | Value::Int(_) | Value::Float(_))
        });
        let quoted = needs_quotes.then_some("a text (put it in quotes)");
        let text = self.value(quoted.unwrap_or(expected), Node::text)?;
        Ok(text.to_owned())
    }

    /// A text that no message shows, right or wrong.
    pub(super) fn secret(&self, expected: Expected) -> Result<String> {
        let text = self.text(expected);
        text.map_err(|_| self.hidden(expected))
    }

    /// The items of a list that has at least so many, each as `read` takes it.
    pub(super) fn items<T>(
        &self,
        expected: Expected,
        least: usize,
        read: impl Fn(&At<'a>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let list = |node: &'a Node| node.list().filter(|items| items.len() >= least);
        let count = self.value(expected, list)?.len();
        (0..count).map(|index| read(&self.index(index))).collect()
    }

    pub(super) fn words<T: From<String>>(&self) -> Result<Vec<T>> {
        self.items(WORDS, 0, |item| Ok(item.text(expected::WORD)?.into()))
    }

    pub(super) fn map(&self) -> Result<&'a [(Node, Node)]> {
        let map = self.value("a map", Node::map);
        let hides = self.hides && self.is_scalar();
        map.map_err(|error| if hides { self.hidden("a map") } else { error })
    }

    /// The entries of a map whose keys are names, each as `read` takes it.
    pub(super) fn entries<T>(
        &self,
        mut read: impl FnMut(&'a str, &At<'a>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let entry = |(key, node): &'a (Node, Node)| {
            let name = &key.written;
            read(name, &self.below(&self.shown(name), Some(node)))
        };
        self.map()?.iter().map(entry).collect()
    }

    pub(super) fn missing(&self, key: &str, expected: Expected) -> ConfigError {
        let mut place = self.place();
        place.key = self.key(key).path;
        ConfigError::Missing { place, expected }
    }

    /// An error for a key that is not among the known ones.
    pub(super) fn known(&self, known: &[&'static str]) -> Result {
        let mut keys = self.map()?.iter().map(|(key, _)| key);
        let Some(key) = keys.find(|key| !known.contains(&&*key.written)) else {
            return Ok(());
        };
        let name = self.shown(&key.written);
        let unspaced = name.split(':').next().unwrap_or_default();
        Err(ConfigError::UnknownKey {
            place: self.below(&name, Some(key)).place(),
            nearest: nearest(unspaced, known),
        })
    }

    /// The value that a map has under this key, as `read` takes it. A key without a value is as if it were not there.
    pub(super) fn get<T>(
        &self,
        key: &str,
        read: impl FnOnce(&At<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        let at = self.key(key);
        match at.node.map(|node| &node.value) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => read(&at).map(Some),
        }
    }

    /// The same of a key that has to be there.
    pub(super) fn need<T>(
        &self,
        key: &str,
        expected: Expected,
        read: impl FnOnce(&At<'a>) -> Result<T>,
    ) -> Result<T> {
        let found = self.get(key, read)?;
        found.ok_or_else(|| self.missing(key, expected))
    }
}

/// How a key begins whose value is secret, where the space between them is forgotten: both are a text then, or the end
/// of one.
const UNSPACED_TOKENS: &str = "bearer_tokens:";

/// A text as messages show it, which go into logs: without tokens, cut after 80 characters, control characters escaped.
pub(super) fn shown(text: &str) -> String {
    let hidden = text.split_once(UNSPACED_TOKENS);
    let hidden = hidden.map(|(before, _)| format!("{before}{UNSPACED_TOKENS}<secret>"));
    let mut shown = String::new();
    for (index, c) in hidden.as_deref().unwrap_or(text).chars().enumerate() {
        match c {
            _ if index == 80 => return shown + "..",
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// The known key most like the one written: that of the least letters to change.
fn nearest(written: &str, known: &[&'static str]) -> &'static str {
    let written = written.to_lowercase().replace(['-', ' '], "_");
    let changes = |key: &&&str| letters_to_change(&written, &key.replace(' ', "_"));
    let nearest = known.iter().min_by_key(changes);
    nearest.copied().unwrap_or_default()
}

/// The least number of letters to change, to add or to take away, by Levenshtein's distance of the first 64 characters.
pub(crate) fn letters_to_change(written: &str, known: &str) -> usize {
    let known: Vec<char> = known.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (i, c) in written.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, d) in known.iter().enumerate() {
            let changed = diagonal + usize::from(c != *d);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[known.len()]
}

/// A type of which each value is read in one way.
pub(super) trait Scalar: Sized {
    const EXPECTED: Expected;

    fn of(node: &Node) -> Option<Self>;
}

macro_rules! scalars {
    ($($type:ty: $expected:expr, $of:expr;)*) => {$(
        impl Scalar for $type {
            const EXPECTED: Expected = $expected;

            fn of(node: &Node) -> Option<Self> {
                $of(node)
            }
        }
    )*};
}

scalars! {
    bool: "`true` or `false`", Node::flag;
    u16: expected::PORT, Node::whole;
    usize: "a whole number, 0 or more", Node::whole;
    u32: "a whole number, 0 or more", Node::whole;
    i64: "a whole number", Node::whole;
    f64: "a number", Node::number;
    Duration: "a number of seconds, 0 or more", |node| seconds(node, MAX_SECONDS);
    String: "a text", |node: &Node| node.text().map(str::to_owned);
    Profile: "`prometheus` or `servicekit`", |node: &Node| {
        let named = |known: &Profile| node.text() == Some(known.name());
        Profile::ALL.into_iter().find(named)
    };
}

/// A time of seconds up to a longest one.
pub(super) fn seconds(node: &Node, longest: f64) -> Option<Duration> {
    let seconds = node
        .number()
        .filter(|seconds| (0.0..=longest).contains(seconds))?;
    Some(Duration::from_secs_f64(seconds))
}

/// Lists the settings of a part: documentation, `"key"` in a file, in brackets the cargo feature without which there is
/// none, and the field; then how the key is read, if not by the setter's type: with a function, or (`part`) as a
/// part of its own, on top of its present value; then the setter, if it is a plain one, with the type it takes. Setters
/// are methods of the type behind `on`, which has the part in the field named there.
macro_rules! settings {
    ($part:ident, on $owner:ident $field:tt {$(
        $(#[$doc:meta])*
        $key:literal $([$feature:literal])? $($in:ident)? => $($place:ident).+ $(= $read:path)?
            $(, fn $setter:ident($value:ident: $type:ty))?;
    )*}) => {
        impl $owner {$(
            settings!(@setter [$(#[$doc])* $(#[cfg(feature = $feature)])?]
                $field ($($place).+) $($setter $value $type)?);
        )*}

        impl $part {
            pub(in crate::config) const KEYS: &[&str] = &[$($key),*];

            pub(in crate::config) fn read(&mut self, at: &At<'_>) -> Result<(), $crate::ConfigError> {
                at.known(Self::KEYS)?;
                at.entries(|key, _| at.get(key, |at| self.read_key(key, at)))?;
                Ok(())
            }

            fn read_key(&mut self, key: &str, at: &At<'_>) -> Result<(), $crate::ConfigError> {
                match key {
                    $(
                        $(#[cfg(feature = $feature)])?
                        $key => settings!(@read at [$($in)? self.$($place).+] $($type)? $(, $read)?),
                        $(
                            #[cfg(not(feature = $feature))]
                            $key => return Err(at.missing_feature($feature)),
                        )?
                    )*
                    _ => {}
                }
                Ok(())
            }
        }
    };
    (@read $at:ident [part $($place:tt)+] $($type:ty)?) => {
        $($place)+.read($at)?
    };
    (@read $at:ident [$($place:tt)+] $type:ty) => {
        $($place)+ = $at.scalar::<$type>()?.into()
    };
    (@read $at:ident [$($place:tt)+] $($type:ty)?, $read:path) => {
        $($place)+ = $read($at)?.into()
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
