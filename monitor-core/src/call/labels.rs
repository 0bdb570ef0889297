//! Labels of calls: what values they may have, and from values to the number of a label set.
//!
//! A *bounded* label has a type with a closed set of values. A *capped* one takes any text, up to a number of different
//! values; the rest is [`OVERFLOW`]. Either gives an index, and the indices of a call's labels lead through a tree of
//! tables to the name its calls are counted under: nothing is hashed but text, and nothing is allocated once a label set
//! was seen.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use crate::call::method_name::MethodName;
use crate::call::text_set::TextSet;
use crate::chunked::Chunked;
use crate::family::Label;
use crate::sync::{Once, leak};

/// The value of a label whose own value has no place.
pub(crate) const OVERFLOW: &str = "overflow";

/// Most label sets of a method that are made together, before its first call where that is possible.
const MAX_AT_START: usize = 64;

/// A type whose values can be those of a label of calls: a closed set, known while compiling.
///
/// Derive it for enums without fields (`#[derive(MonitorLabel)]`); `bool` and references have it.
///
/// # Examples
///
/// ```
/// use monitor_core::MonitorLabel;
///
/// struct Half(bool);
///
/// impl MonitorLabel for Half {
///     const VALUES: &'static [&'static str] = &["first", "second"];
///
///     fn index(&self) -> usize {
///         usize::from(self.0)
///     }
/// }
///
/// assert_eq!(Half::VALUES[Half(true).index()], "second");
/// assert_eq!(bool::VALUES, ["false", "true"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no label with a closed set of values",
    label = "not a `MonitorLabel`",
    note = "derive it for an enum without fields: `#[derive(MonitorLabel)]`; for text, say how many values there may be: `labels(capped(key = .., max = 100))`"
)]
pub trait MonitorLabel {
    /// All values, each once.
    const VALUES: &'static [&'static str];

    /// Which of [`VALUES`](Self::VALUES) this is. One past the end counts as `overflow`.
    fn index(&self) -> usize;
}

impl MonitorLabel for bool {
    const VALUES: &'static [&'static str] = &["false", "true"];

    #[inline]
    fn index(&self) -> usize {
        usize::from(*self)
    }
}

impl<L: MonitorLabel + ?Sized> MonitorLabel for &L {
    const VALUES: &'static [&'static str] = L::VALUES;

    #[inline]
    fn index(&self) -> usize {
        (**self).index()
    }
}

/// A label of a call site.
#[derive(Debug, Clone, Copy)]
pub struct LabelKey {
    name: &'static str,
    values: Values,
}

#[derive(Debug, Clone, Copy)]
enum Values {
    Bounded(&'static [&'static str]),
    /// Bounded, but known only when a call is made: the site is in generic code.
    Late,
    /// Any text, up to so many values.
    Capped(u32),
}

impl LabelKey {
    /// A label with these values.
    pub const fn bounded(name: &'static str, values: &'static [&'static str]) -> Self {
        let values = Values::Bounded(values);
        Self { name, values }
    }

    /// A label with a closed set of values that the first call tells.
    pub const fn late(name: &'static str) -> Self {
        let values = Values::Late;
        Self { name, values }
    }

    /// A label with any text, up to `max` different ones.
    pub const fn capped(name: &'static str, max: u32) -> Self {
        let values = Values::Capped(max);
        Self { name, values }
    }
}

/// A value of a bounded label, of the type it came from.
pub struct Bounded<L> {
    index: usize,
    of: PhantomData<fn(L)>,
}

/// Reads a bounded label.
#[inline]
pub fn bounded<L: MonitorLabel>(value: &L) -> Bounded<L> {
    Bounded {
        index: value.index(),
        of: PhantomData,
    }
}

impl<L> fmt::Debug for Bounded<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bounded").field(&self.index).finish()
    }
}

/// The values of a label that a closure over some arguments would read: for a static, where there are no arguments.
pub const fn label_values<A, L, F>(read: F) -> &'static [&'static str]
where
    F: Fn(A) -> Bounded<L>,
    L: MonitorLabel,
{
    std::mem::forget(read);
    L::VALUES
}

/// The value of a label in one call.
#[derive(Debug, Clone, Copy)]
pub enum LabelValue<'a> {
    /// One of a closed set.
    Bounded(&'static [&'static str], usize),
    /// Any text.
    Text(&'a str),
}

impl<L: MonitorLabel> From<Bounded<L>> for LabelValue<'_> {
    #[inline]
    fn from(value: Bounded<L>) -> Self {
        Self::Bounded(L::VALUES, value.index)
    }
}

/// Reads a capped label.
#[inline]
pub fn text<T: AsRef<str> + ?Sized>(value: &T) -> LabelValue<'_> {
    LabelValue::Text(value.as_ref())
}

/// The label sets of one call site.
#[derive(Debug)]
pub(crate) struct Combinations {
    keys: &'static [LabelKey],
    /// Parallel to `keys`; `None` where a label is bounded.
    texts: Box<[Option<TextSet>]>,
    root: Branch,
    overflow: OnceLock<&'static MethodName>,
    /// All label sets, where they are a small closed set.
    siblings: OnceLock<Box<[&'static MethodName]>>,
}

/// The label sets that begin with certain values.
struct Branch {
    name: Once<&'static MethodName>,
    /// By the next label's index.
    next: Chunked<Once<&'static Branch>>,
}

impl Branch {
    fn new() -> Self {
        Self {
            name: Once::new(),
            next: Chunked::new(),
        }
    }
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch").finish_non_exhaustive()
    }
}

impl Combinations {
    pub(crate) fn new(keys: &'static [LabelKey]) -> Self {
        let texts = keys.iter().map(|key| match key.values {
            Values::Capped(max) => Some(TextSet::new(max)),
            Values::Bounded(_) | Values::Late => None,
        });
        Self {
            texts: texts.collect(),
            keys,
            root: Branch::new(),
            overflow: OnceLock::new(),
            siblings: OnceLock::new(),
        }
    }

    pub(crate) fn siblings(&self) -> &[&'static MethodName] {
        self.siblings.get().map_or(&[], |all| all)
    }

    /// Those calls that no label set has room for.
    fn overflow(&self, method: &MethodName) -> &'static MethodName {
        self.overflow
            .get_or_init(|| MethodName::overflow(&method.name))
    }

    /// The name under which calls with these labels are counted, if there is one.
    #[inline]
    pub(crate) fn find(&self, labels: &[LabelValue<'_>]) -> Option<&'static MethodName> {
        let mut branch = &self.root;
        for (label, texts) in labels.iter().zip(&self.texts) {
            branch = branch.next.get(index(*label, texts.as_ref())?)?.get()?;
        }
        branch.name.get()
    }

    /// [`find`](Self::find), or a new name if there `has_room` for it.
    pub(crate) fn find_or_make(
        &self,
        method: &'static MethodName,
        labels: &[LabelValue<'_>],
        has_room: impl FnOnce(&MethodName) -> bool,
    ) -> &'static MethodName {
        if let Some(name) = self.find(labels) {
            return name;
        }
        let is_open = self.texts.iter().any(Option::is_some);
        if is_open && !has_room(method) {
            return self.overflow(method);
        }
        if !is_open {
            let values = labels.iter().map(|label| match label {
                LabelValue::Bounded(values, _) => *values,
                LabelValue::Text(_) => &[],
            });
            self.make_siblings(method, &values.collect::<Vec<_>>());
        }
        self.make(method, labels, is_open)
            .unwrap_or_else(|| self.overflow(method))
    }

    fn make(
        &self,
        method: &'static MethodName,
        labels: &[LabelValue<'_>],
        is_open: bool,
    ) -> Option<&'static MethodName> {
        let mut branch = &self.root;
        let mut written = Vec::with_capacity(labels.len());
        for ((label, texts), key) in labels.iter().zip(&self.texts).zip(self.keys) {
            let index = match (label, texts) {
                (LabelValue::Text(text), Some(texts)) => texts.get_or_add(text),
                _ => index(*label, texts.as_ref())?,
            };
            written.push(Label {
                name: Cow::Borrowed(key.name),
                value: value(*label, texts.as_ref(), index),
            });
            let cell = branch.next.get_or_grow(index)?;
            branch = cell.get_or_init(|| leak(Branch::new()));
        }
        let make = if is_open {
            MethodName::open
        } else {
            MethodName::of
        };
        Some(branch.name.get_or_init(|| make(&method.name, written)))
    }

    /// Makes every label set of these values, if they are few: so that none appears only with its first call.
    fn make_siblings(&self, method: &'static MethodName, values: &[&'static [&'static str]]) {
        self.siblings.get_or_init(|| {
            let mut all = Vec::new();
            for_each_set(values, |labels| {
                all.extend(self.make(method, labels, false));
            });
            all.into()
        });
    }

    /// The label sets that are known before the first call.
    pub(crate) fn known(&self, method: &'static MethodName) -> &[&'static MethodName] {
        let values = self.keys.iter().map(|key| match key.values {
            Values::Bounded(values) => Some(values),
            Values::Late | Values::Capped(_) => None,
        });
        if let Some(values) = values.collect::<Option<Vec<_>>>() {
            self.make_siblings(method, &values);
        }
        self.siblings()
    }
}

/// Each combination of these values, if there are at most [`MAX_AT_START`].
fn for_each_set(values: &[&'static [&'static str]], mut each: impl FnMut(&[LabelValue<'_>])) {
    let sets = values
        .iter()
        .try_fold(1_usize, |sets, values| sets.checked_mul(values.len()));
    let Some(sets) = sets.filter(|sets| *sets <= MAX_AT_START) else {
        return;
    };
    for set in 0..sets {
        let mut rest = set;
        let labels: Vec<LabelValue<'_>> = values
            .iter()
            .map(|values| {
                let at = rest % values.len();
                rest /= values.len();
                LabelValue::Bounded(values, at)
            })
            .collect();
        each(&labels);
    }
}

/// The index of a value in its label's tables, if it has one by now.
#[inline]
fn index(label: LabelValue<'_>, texts: Option<&TextSet>) -> Option<u32> {
    match (label, texts) {
        // One past the end is no value of the type: all of them share a place.
        (LabelValue::Bounded(values, at), _) => u32::try_from(at.min(values.len())).ok(),
        (LabelValue::Text(text), Some(texts)) => texts.get(text),
        (LabelValue::Text(_), None) => None,
    }
}

fn value(label: LabelValue<'_>, texts: Option<&TextSet>, index: u32) -> Arc<str> {
    match (label, texts) {
        (LabelValue::Bounded(values, at), _) => {
            Arc::from(values.get(at).copied().unwrap_or(OVERFLOW))
        }
        (LabelValue::Text(text), Some(texts)) if index < texts.max() => Arc::from(text),
        (LabelValue::Text(_), _) => Arc::from(OVERFLOW),
    }
}
