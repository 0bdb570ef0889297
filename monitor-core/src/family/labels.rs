//! The labels of a child, rendered once.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use crate::exposition::push_label;

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
pub struct Labels(Arc<Rendered>);

struct Rendered {
    labels: Box<[Label]>,
    /// `a="1",b="2"`, escaped.
    text: Box<[u8]>,
    /// Where a bucket's `le` goes in the text.
    le: usize,
}

impl Labels {
    /// The text of all labels.
    pub(crate) fn text(&self) -> &[u8] {
        &self.0.text
    }

    /// The text before and after a bucket's `le`. Where there is some, the first ends in a comma, or the second begins
    /// with one, or one must come between.
    pub(crate) fn around_le(&self) -> (&[u8], &[u8]) {
        self.0.text.split_at(self.0.le)
    }
}

impl From<Vec<Label>> for Labels {
    fn from(labels: Vec<Label>) -> Self {
        let mut text = Vec::new();
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
        Self(Arc::new(Rendered {
            le: le.unwrap_or(text.len()),
            labels: labels.into(),
            text: text.into(),
        }))
    }
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
