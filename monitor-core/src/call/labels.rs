//! Labels of calls: what values they may have, and from values to the number of a label set.
//!
//! A *bounded* label has a type with a closed set of values. A *capped* one takes any text, up to a number of different
//! values; the rest is [`OVERFLOW`]. Either gives an index, and the indices of a call's labels lead through a tree of
//! tables to the name its calls are counted under: nothing is hashed but text, and nothing is allocated once a label set
//! was seen.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

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
    values: &'static [&'static str],
    index: usize,
    of: PhantomData<fn(L)>,
}

/// Reads a bounded label.
#[inline]
pub fn bounded<L: MonitorLabel>(value: &L) -> Bounded<L> {
    Bounded {
        values: L::VALUES,
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

/// Without a bound on the type: what is wrong with that was said where it was read.
impl<L> From<&Bounded<L>> for LabelValue<'_> {
    #[inline]
    fn from(value: &Bounded<L>) -> Self {
        Self::Bounded(value.values, value.index)
    }
}

/// Bytes of a text that are copied without an allocation.
const SHORT: usize = 64;

/// A value of a capped label: a copy, so that what the text was borrowed from (a lock, say) is free again before the next
/// argument is read.
#[derive(Debug)]
pub enum Text {
    /// So many bytes of this.
    Short(usize, [u8; SHORT]),
    /// More.
    Long(Box<str>),
}

/// Reads a capped label.
#[inline]
pub fn text<T: AsRef<str> + ?Sized>(value: &T) -> Text {
    let text = value.as_ref();
    let mut copy = [0; SHORT];
    match copy.get_mut(..text.len()) {
        Some(place) => {
            place.copy_from_slice(text.as_bytes());
            Text::Short(text.len(), copy)
        }
        None => Text::Long(text.into()),
    }
}

impl<'a> From<&'a Text> for LabelValue<'a> {
    #[inline]
    fn from(text: &'a Text) -> Self {
        // The bytes are those of a text.
        Self::Text(match text {
            Text::Short(length, bytes) => {
                std::str::from_utf8(&bytes[..*length]).unwrap_or_default()
            }
            Text::Long(text) => text,
        })
    }
}

/// The label sets of one call site.
#[derive(Debug)]
pub(crate) struct Combinations {
    keys: &'static [LabelKey],
    /// Parallel to `keys`: where a value's index comes from.
    indices: Box<[Indices]>,
    root: Branch,
    overflow: OnceLock<&'static MethodName>,
    /// All label sets, where they are small closed sets: of late labels, those of each type that came by.
    siblings: Mutex<Vec<&'static MethodName>>,
}

/// Where the index of a label's value comes from.
#[derive(Debug)]
enum Indices {
    /// Its place in the type.
    Type,
    /// Its place in the type, behind those of the types that came by before: generic code may be called with several.
    Types(&'static LateType),
    /// A set of texts.
    Texts(TextSet),
}

/// The values of one type of a late label, by the order in which types came by.
#[derive(Debug, Default)]
struct LateType {
    values: OnceLock<&'static [&'static str]>,
    next: OnceLock<&'static LateType>,
}

impl LateType {
    /// The index of a value of this type; `make` says whether a type that is new is taken up.
    fn index(&'static self, values: &'static [&'static str], at: usize, make: bool) -> Option<u32> {
        let mut first = 0;
        let mut one = self;
        loop {
            let known = if make {
                one.values.get_or_init(|| values)
            } else {
                one.values.get()?
            };
            if std::ptr::eq(*known, values) || *known == values {
                return u32::try_from(first + at.min(values.len())).ok();
            }
            first += known.len() + 1;
            one = if make {
                one.next.get_or_init(|| leak(Self::default()))
            } else {
                one.next.get()?
            };
        }
    }
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
        let indices = keys.iter().map(|key| match key.values {
            Values::Capped(max) => Indices::Texts(TextSet::new(max)),
            Values::Bounded(_) => Indices::Type,
            Values::Late => Indices::Types(leak(LateType::default())),
        });
        Self {
            indices: indices.collect(),
            keys,
            root: Branch::new(),
            overflow: OnceLock::new(),
            siblings: Mutex::default(),
        }
    }

    pub(crate) fn siblings(&self) -> Vec<&'static MethodName> {
        lock(&self.siblings).clone()
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
        for (label, indices) in labels.iter().zip(&self.indices) {
            branch = branch.next.get(indices.get(*label)?)?.get()?;
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
        let is_open = has_text(self.keys);
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
        for ((label, indices), key) in labels.iter().zip(&self.indices).zip(self.keys) {
            let index = indices.get_or_add(*label)?;
            written.push(Label {
                name: Cow::Borrowed(key.name),
                value: indices.value(*label, index),
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
        let mut siblings = lock(&self.siblings);
        for_each_set(values, |labels| {
            if let Some(name) = self.make(method, labels, false)
                && !siblings.iter().any(|known| std::ptr::eq(*known, name))
            {
                siblings.push(name);
            }
        });
    }

    /// The label sets that are known before the first call.
    pub(crate) fn known(&self, method: &'static MethodName) -> Vec<&'static MethodName> {
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

impl Indices {
    /// The index of a value in its label's tables, if it has one by now.
    // One past the end of a type is no value of it: all of those share a place.
    #[inline]
    fn get(&self, label: LabelValue<'_>) -> Option<u32> {
        match (self, label) {
            (Self::Type, LabelValue::Bounded(values, at)) => {
                u32::try_from(at.min(values.len())).ok()
            }
            (Self::Types(types), LabelValue::Bounded(values, at)) => types.index(values, at, false),
            (Self::Texts(texts), LabelValue::Text(text)) => texts.get(text),
            _ => None,
        }
    }

    /// [`get`](Self::get), with an index made if need be and possible.
    fn get_or_add(&self, label: LabelValue<'_>) -> Option<u32> {
        match (self, label) {
            (Self::Types(types), LabelValue::Bounded(values, at)) => types.index(values, at, true),
            (Self::Texts(texts), LabelValue::Text(text)) => Some(texts.get_or_add(text)),
            _ => self.get(label),
        }
    }

    fn value(&self, label: LabelValue<'_>, index: u32) -> Arc<str> {
        Arc::from(match (self, label) {
            (_, LabelValue::Bounded(values, at)) => values.get(at).copied().unwrap_or(OVERFLOW),
            (Self::Texts(texts), LabelValue::Text(text)) if index < texts.max() => text,
            (_, LabelValue::Text(_)) => OVERFLOW,
        })
    }
}

/// Whether one of these labels takes any text: its values then belong to a storage, as its limit does.
pub(crate) fn has_text(keys: &[LabelKey]) -> bool {
    keys.iter()
        .any(|key| matches!(key.values, Values::Capped(_)))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
