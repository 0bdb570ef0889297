//! Labels: a child's, with the text a page has for them; those on every series; an exemplar's; and how labels are
//! written.
//!
//! A child's labels are checked, sorted and rendered once, when it is made. Each page copies that text in whole chunks
//! of [`CHUNK`] bytes, in moves of fixed size that need not ask for its length, and cuts off the excess.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use crate::data::name::{is_label_name, is_reserved_label};

/// A label: name and value, unescaped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The name.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: Arc<str>,
}

impl Label {
    pub(crate) fn new(name: impl Into<Cow<'static, str>>, value: impl Into<Arc<str>>) -> Self {
        let (name, value) = (name.into(), value.into());
        Self { name, value }
    }
}

/// The labels of a child: a slice of [`Label`] that is cheap to clone, with the text a page has for it.
///
/// Made of labels that are sorted by name, each name once, as pages want them; it does not sort them itself.
///
/// # Examples
///
/// ```
/// use monitor_core::family::{Label, Labels};
///
/// let labels: Labels = [("method", "Get"), ("status", "success")]
///     .map(|(name, value)| Label { name: name.into(), value: value.into() })
///     .into_iter()
///     .collect();
/// assert_eq!(labels.len(), 2);
/// assert_eq!(&*labels[1].value, "success");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels(Arc<Rendered<[Chunk]>>);

/// In one piece, if the text is not too long: a page of many label sets waits for memory at each step from one piece to
/// the next. The labels come first, so that they decide comparisons; all else follows from them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rendered<T: ?Sized> {
    labels: Box<[Label]>,
    length: u32,
    /// Where a bucket's `le` goes in the text.
    le: u32,
    /// The lengths of each label's name and value, if they stand in the text unescaped; a name of length 0 ends them.
    pairs: [[u8; 2]; PAIRS],
    /// A text too long to stand here.
    long: Option<Box<[Chunk]>>,
    /// `a="1",b="2"`, escaped.
    text: T,
}

/// Most labels whose lengths are kept.
const PAIRS: usize = 4;

impl Labels {
    /// The names and values of all labels, from the text: one place in memory in place of one for each. `None` if some
    /// do not stand there as they are.
    #[inline]
    pub(crate) fn pairs(&self) -> Option<impl Iterator<Item = (&[u8], &[u8])> + Clone> {
        let lengths = &self.0.pairs;
        if lengths[0][0] == 0 && self.0.length > 0 {
            return None;
        }
        let mut rest = self.chunks().0.as_flattened();
        let lengths = lengths.iter().take_while(|[name, _]| *name > 0);
        Some(lengths.map(move |lengths| {
            let [name, value] = lengths.map(usize::from);
            let (pair, behind) = rest.split_at(name + value + 3);
            // Behind the last one stands what fills the chunk, or nothing.
            rest = behind.get(1..).unwrap_or_default();
            (&pair[..name], &pair[name + 2..name + 2 + value])
        }))
    }

    /// The text of all labels, in chunks, and its length.
    #[inline]
    pub(crate) fn chunks(&self) -> (&[Chunk], usize) {
        let chunks = self.0.long.as_deref().unwrap_or(&self.0.text);
        (chunks, self.0.length as usize)
    }

    /// Loads its text, so that it is in the cache when a page needs it.
    pub(crate) fn prefetch(&self) -> u8 {
        self.chunks().0.first().map_or(0, |chunk| chunk[0])
    }

    /// The text before and after a bucket's `le`. The first ends in a comma if neither is empty; the other commas are
    /// the caller's.
    pub(crate) fn around_le(&self) -> (&[u8], &[u8]) {
        let (chunks, length) = self.chunks();
        chunks.as_flattened()[..length].split_at(self.0.le as usize)
    }
}

impl From<Vec<Label>> for Labels {
    fn from(labels: Vec<Label>) -> Self {
        let unescaped = |label: &Label| label.name.len() + label.value.len() + 4;
        let mut text = Vec::with_capacity(labels.iter().map(unescaped).sum());
        let mut le = None;
        for label in &labels {
            if !text.is_empty() {
                text.push(b',');
            }
            if le.is_none() && &*label.name >= "le" {
                le = Some(text.len());
            }
            push_pair(&mut text, &label.name, &label.value);
        }
        let le = le.unwrap_or(text.len());
        Self(match text.len().div_ceil(CHUNK) {
            1 => rendered::<1>(labels, &text, le),
            2 => rendered::<2>(labels, &text, le),
            3 => rendered::<3>(labels, &text, le),
            4 => rendered::<4>(labels, &text, le),
            5..=8 => rendered::<8>(labels, &text, le),
            _ => rendered::<0>(labels, &text, le),
        })
    }
}

fn rendered<const N: usize>(labels: Vec<Label>, text: &[u8], le: usize) -> Arc<Rendered<[Chunk]>> {
    let mut inline = [[0; CHUNK]; N];
    let long = if let Some(place) = inline.as_flattened_mut().get_mut(..text.len()) {
        place.copy_from_slice(text);
        None
    } else {
        let mut chunks = vec![[0; CHUNK]; text.len().div_ceil(CHUNK)];
        chunks.as_flattened_mut()[..text.len()].copy_from_slice(text);
        Some(chunks.into())
    };
    let bytes = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let pairs = lengths_in_text(&labels, text.len()).unwrap_or_default();
    Arc::new(Rendered {
        pairs,
        labels: labels.into(),
        length: bytes(text.len()),
        le: bytes(le),
        long,
        text: inline,
    })
}

/// The lengths of names and values, if there are few, none is long, and the text of so many bytes has them unescaped.
fn lengths_in_text(labels: &[Label], text: usize) -> Option<[[u8; 2]; PAIRS]> {
    let mut lengths = [[0; 2]; PAIRS];
    let mut unescaped = 0;
    for (at, label) in labels.iter().enumerate() {
        unescaped += label.name.len() + label.value.len() + 3 + usize::from(at > 0);
        *lengths.get_mut(at)? = [
            u8::try_from(label.name.len())
                .ok()
                .filter(|length| *length > 0)?,
            u8::try_from(label.value.len()).ok()?,
        ];
    }
    (unescaped == text).then_some(lengths)
}

impl FromIterator<Label> for Labels {
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        labels.into_iter().collect::<Vec<_>>().into()
    }
}

impl<const N: usize> From<[Label; N]> for Labels {
    fn from(labels: [Label; N]) -> Self {
        Vec::from(labels).into()
    }
}

/// No labels; shared, so that it costs nothing.
impl Default for Labels {
    fn default() -> Self {
        static NONE: LazyLock<Labels> = LazyLock::new(|| Labels::from([]));
        NONE.clone()
    }
}

impl Deref for Labels {
    type Target = [Label];

    fn deref(&self) -> &[Label] {
        &self.0.labels
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = &'a Label;
    type IntoIter = std::slice::Iter<'a, Label>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Appends a label as a page has it.
pub(crate) fn push_pair(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    push_escaped(out, value, b"\\\n\"");
    out.push(b'"');
}

/// Appends a text with a backslash before each of the `special` bytes (a newline becomes `\n`).
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &str, special: &[u8]) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| special.contains(byte)) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(if rest[at] == b'\n' { b'n' } else { rest[at] });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Bytes that are copied at once.
pub(crate) const CHUNK: usize = 32;

pub(crate) type Chunk = [u8; CHUNK];

/// A text, padded to whole chunks.
#[derive(Debug, Default)]
pub(crate) struct Padded {
    chunks: Vec<Chunk>,
    length: usize,
}

impl Padded {
    pub(crate) fn set(&mut self, parts: &[&[u8]]) {
        self.length = parts.iter().map(|part| part.len()).sum();
        self.chunks.clear();
        self.chunks.resize(self.length.div_ceil(CHUNK), [0; CHUNK]);
        write_parts(self.chunks.as_flattened_mut(), parts);
    }

    /// Appends the text.
    #[inline]
    pub(crate) fn push_to(&self, out: &mut Vec<u8>) {
        push(out, &self.chunks, self.length);
    }
}

/// Writes one part behind the other.
pub(crate) fn write_parts(mut place: &mut [u8], parts: &[&[u8]]) {
    for part in parts {
        let (start, rest) = place.split_at_mut(part.len());
        start.copy_from_slice(part);
        place = rest;
    }
}

/// Appends the first `length` bytes of chunks.
#[inline]
pub(crate) fn push(out: &mut Vec<u8>, chunks: &[Chunk], length: usize) {
    let end = out.len() + length;
    for chunk in chunks {
        out.extend_from_slice(chunk);
    }
    out.truncate(end);
}

/// Writes a text over the bytes from `at` on; returns where it ends.
#[inline]
pub(crate) fn put(out: &mut [u8], at: usize, chunks: &[Chunk], length: usize) -> usize {
    let mut to = at;
    for chunk in chunks {
        out[to..to + CHUNK].copy_from_slice(chunk);
        to += CHUNK;
    }
    at + length
}

/// Constant labels of all families, checked when they are made: a slice of [`Label`], sorted by name.
///
/// They are on every series of a storage. A label of the same name that a call, a key or a registered metric has is
/// written with `label_` before its name (as often as it takes for a name that is free), so that no two series become
/// one: calls with `env="prod"` of their own and calls without stay apart under a constant `env="prod"`.
///
/// # Examples
///
/// ```
/// use monitor_core::StorageConfig;
/// use monitor_core::config::{ConstLabelError, ConstLabels};
///
/// let mut config = StorageConfig::default();
/// config.const_labels = ConstLabels::try_new([("env", "prod"), ("dc", "fra1")])?;
/// assert_eq!(&*config.const_labels[0].name, "dc");
/// assert!(ConstLabels::try_new([("method", "Get")]).is_err());
/// # Ok::<(), ConstLabelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConstLabels(Arc<[Label]>);

/// Why labels cannot be on every series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstLabelError {
    /// A label name is `[a-zA-Z_][a-zA-Z0-9_]*`.
    #[error("`{name}` is not a label name: it has to match [a-zA-Z_][a-zA-Z0-9_]*")]
    Invalid {
        /// The name.
        name: String,
    },
    /// The name has a meaning of its own, or families of this crate have a label of this name.
    #[error("the label name `{name}` is reserved")]
    Reserved {
        /// The name.
        name: String,
    },
    /// The name is there more than once.
    #[error("the label `{name}` is given twice")]
    Repeated {
        /// The name.
        name: String,
    },
    /// To Prometheus a label with an empty value is none.
    #[error("the label `{name}` has an empty value")]
    Empty {
        /// The name.
        name: String,
    },
}

/// The labels of this crate's own families.
const BUILT_IN: [&str; 5] = ["family", "method", "status", "task", "type"];

impl ConstLabels {
    /// Checks and keeps labels, names and values, in any order.
    ///
    /// # Errors
    ///
    /// [`ConstLabelError`] for a name that is no label name, is reserved (`le`, `quantile`, `inittime`, `overflow`,
    /// `_name_`, names that begin with `__`, and the labels of built-in families: `family`, `method`, `status`, `task`,
    /// `type`) or comes twice, and for an empty value.
    pub fn try_new<N: Into<String>, V: Into<String>>(
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConstLabelError> {
        let mut checked: Vec<Label> = Vec::new();
        for (name, value) in labels {
            let (name, value) = (name.into(), value.into());
            if !is_label_name(&name) {
                return Err(ConstLabelError::Invalid { name });
            }
            if is_reserved_label(&name) || BUILT_IN.contains(&&*name) {
                return Err(ConstLabelError::Reserved { name });
            }
            if checked.iter().any(|label| label.name == name) {
                return Err(ConstLabelError::Repeated { name });
            }
            if value.is_empty() {
                return Err(ConstLabelError::Empty { name });
            }
            checked.push(Label::new(name, value));
        }
        sort_labels(&mut checked);
        Ok(Self(checked.into()))
    }
}

/// Sorts by name, then value.
pub(crate) fn sort_labels(labels: &mut [Label]) {
    labels.sort_unstable();
}

impl Deref for ConstLabels {
    type Target = [Label];

    fn deref(&self) -> &[Label] {
        &self.0
    }
}

/// Most characters that the names and values of an exemplar's labels have together (`OpenMetrics` 1.0.0, "Exemplars").
const MAX_EXEMPLAR_CHARS: usize = 128;

/// Labels that lead from a call to its trace: labels such as `trace_id`.
///
/// # Examples
///
/// ```
/// use monitor_core::exemplar::Exemplar;
///
/// let exemplar = Exemplar::new([("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")]);
/// assert_eq!(exemplar.labels().count(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemplar {
    labels: Arc<[(Cow<'static, str>, Box<str>)]>,
}

/// An exemplar, and the call it was kept of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KeptExemplar {
    /// The bucket it is of, by the index of its upper bound.
    pub bucket: usize,
    /// The exemplar of the provider.
    pub exemplar: Exemplar,
    /// The call's duration, seconds.
    pub seconds: f64,
    /// When it ended, seconds since 1970.
    pub at: f64,
    /// Whether it failed.
    pub failed: bool,
}

impl KeptExemplar {
    /// The same under the index that its bucket has on a page.
    pub(crate) fn in_bucket((bucket, kept): (usize, &Self)) -> Self {
        Self {
            bucket,
            ..kept.clone()
        }
    }
}

impl Exemplar {
    /// An exemplar with these labels.
    pub fn new<N: Into<Cow<'static, str>>, V: Into<Box<str>>>(
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let owned = |(name, value): (N, V)| (name.into(), value.into());
        Self {
            labels: labels.into_iter().map(owned).collect(),
        }
    }

    /// Its labels, as they were given.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether a page can hold it: at most 128 characters in all, valid names, each once and none that begins with `__`
    /// (`prometheus_client` refuses the whole page for one), and no value with a character that readers fail on in
    /// exemplars, though they take it in a series' labels. For a NUL, Prometheus (2.42, 3.5) refuses the whole page,
    /// and for a quote `prometheus_client` does; Prometheus never unescapes escaped characters.
    pub(crate) fn fits(&self) -> bool {
        let chars = self
            .labels()
            .flat_map(|(name, value)| name.chars().chain(value.chars()));
        let is_fine = |(at, (name, value)): (usize, (&str, &str))| {
            is_label_name(name)
                && !name.starts_with("__")
                && self.labels().take(at).all(|(other, _)| other != name)
                && !value.contains(['\0', '"', '\\', '\n'])
        };
        chars.count() <= MAX_EXEMPLAR_CHARS && self.labels().enumerate().all(is_fine)
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(names: &[&str]) -> Result<ConstLabels, ConstLabelError> {
        ConstLabels::try_new(names.iter().map(|name| (*name, "x")))
    }

    #[test]
    fn labels_come_sorted() -> Result<(), ConstLabelError> {
        let labels = labels(&["b", "A", "_"])?;
        let names: Vec<&str> = labels.iter().map(|label| &*label.name).collect();
        assert_eq!(names, ["A", "_", "b"]);
        assert!(ConstLabels::default().is_empty());
        Ok(())
    }

    #[test]
    fn what_is_refused_is_named() {
        let name = |name: &str| name.to_owned();
        for bad in ["", "1a", "a-b", "ü", "a b"] {
            let expected = ConstLabelError::Invalid { name: name(bad) };
            assert_eq!(labels(&["ok", bad]), Err(expected));
        }
        for bad in [
            "le", "quantile", "inittime", "overflow", "__name__", "_name_", "method", "type",
            "family",
        ] {
            let expected = ConstLabelError::Reserved { name: name(bad) };
            assert_eq!(labels(&[bad]), Err(expected));
        }
        let expected = ConstLabelError::Repeated { name: name("a") };
        assert_eq!(labels(&["a", "b", "a"]), Err(expected));
        let expected = ConstLabelError::Empty { name: name("a") };
        assert_eq!(ConstLabels::try_new([("a", "")]), Err(expected));
    }

    proptest! {
        #[test]
        fn pairs_from_the_text_are_the_labels(texts in proptest::collection::vec(("[a-z]{1,9}", "[a-z\\\\\"\n]{0,3}|[a-zA-Z0-9/ ü]{0,99}|.{300}"), 0..6)) {
            let list: Vec<Label> = texts.iter().map(|(name, value)| Label::new(name.clone(), value.as_str())).collect();
            let labels = Labels::from(list);
            let are_plain = texts.len() <= PAIRS
                && texts.iter().all(|(_, value)| value.len() < 256 && !value.contains(['\\', '"', '\n']));
            let pairs = labels.pairs().map(|pairs| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                pairs.map(|(name, value)| (text(name), text(value))).collect::<Vec<_>>()
            });
            prop_assert_eq!(pairs, are_plain.then_some(texts));
        }

        #[test]
        fn any_texts_are_valid_or_refused(texts in proptest::collection::vec((".{0,6}|[a-c_]{1,2}", ".{0,4}"), 0..6)) {
            let count = texts.len();
            if let Ok(labels) = ConstLabels::try_new(texts) {
                prop_assert_eq!(labels.len(), count);
                prop_assert!(labels.windows(2).all(|two| two[0].name < two[1].name));
                prop_assert!(labels.iter().all(|label| is_label_name(&label.name)));
            }
        }
    }
}
