//! From the values of a call's labels to the number of its label set: a tree of tables, one level a label.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{LabelKey, LabelValue, OVERFLOW, Values, has_text};
use crate::base::chunked::Chunked;
use crate::base::sync::{Once, leak};
use crate::data::family::Label;
use crate::recording::method_name::{MethodName, Origin};
use crate::recording::text_set::TextSet;

/// Most label sets of a method that are made together, before its first call where that is possible.
const MAX_AT_START: usize = 64;

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
        let mut is_overflow = false;
        for ((label, indices), key) in labels.iter().zip(&self.indices).zip(self.keys) {
            let index = indices.get_or_add(*label)?;
            let value = indices.value(*label, index);
            is_overflow |= value.is_none();
            written.push(Label {
                name: Cow::Borrowed(key.name),
                value: Arc::from(value.unwrap_or(OVERFLOW)),
            });
            let cell = branch.next.get_or_grow(index)?;
            branch = cell.get_or_init(|| leak(Branch::new()));
        }
        let origin = match (is_open, is_overflow) {
            (false, false) => Origin::Closed,
            (true, false) => Origin::Open,
            (false, true) => Origin::Overflow,
            (true, true) => Origin::OpenOverflow,
        };
        let make = || MethodName::of(&method.name, written, origin);
        Some(branch.name.get_or_init(make))
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

    /// The text of a value; none where it has no place of its own.
    fn value<'a>(&self, label: LabelValue<'a>, index: u32) -> Option<&'a str> {
        match (self, label) {
            (_, LabelValue::Bounded(values, at)) => values.get(at).copied(),
            (Self::Texts(texts), LabelValue::Text(text)) => (index < texts.max()).then_some(text),
            (_, LabelValue::Text(_)) => None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
