//! The labels of a child, rendered once; labels as text, and the escaping in it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use crate::data::chunks::{CHUNK, Chunk};

/// A label: name and value, unescaped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The name.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: Arc<str>,
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
#[derive(Clone)]
pub struct Labels(Arc<Rendered<[Chunk]>>);

/// In one piece, if the text is not too long: a page of many label sets waits for memory at each step from one piece to
/// the next.
struct Rendered<T: ?Sized> {
    labels: Box<[Label]>,
    length: u32,
    /// Where a bucket's `le` goes in the text.
    le: u32,
    /// A text too long to stand here.
    long: Option<Box<[Chunk]>>,
    /// `a="1",b="2"`, escaped.
    text: T,
}

impl Labels {
    /// The text of all labels, in chunks, and its length.
    #[inline]
    pub(crate) fn chunks(&self) -> (&[Chunk], usize) {
        let chunks = self.0.long.as_deref().unwrap_or(&self.0.text);
        (chunks, self.0.length as usize)
    }

    /// Loads its text, so that it is at hand a little later.
    pub(crate) fn touch(&self) -> u8 {
        self.chunks().0.first().map_or(0, |chunk| chunk[0])
    }

    /// The text before and after a bucket's `le`. Where there is some, the first ends in a comma, or the second begins
    /// with one, or one must come between.
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
            push_label(&mut text, label);
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
    Arc::new(Rendered {
        labels: labels.into(),
        length: bytes(text.len()),
        le: bytes(le),
        long,
        text: inline,
    })
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
        static NONE: LazyLock<Labels> = LazyLock::new(|| Labels::from(Vec::new()));
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
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl Eq for Labels {}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl std::borrow::Borrow<[Label]> for Labels {
    fn borrow(&self) -> &[Label] {
        self
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
pub(crate) fn push_label(out: &mut Vec<u8>, label: &Label) {
    push_pair(out, &label.name, &label.value);
}

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
