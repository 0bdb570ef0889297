//! The process-wide numbers of methods and their label sets, and the labels of calls.
//!
//! A method, and each label set of one, has a number that is the same in every storage of the process: a [`MethodId`].
//! Storages and threads keep their data about it in tables indexed by that number. Names are never freed, so label sets
//! made of text are limited: those past `max_series` share one, labelled `overflow`.
//!
//! From the labels of a call to its [`MethodId`]: a *bounded* label has a type with a closed set of values, a *capped*
//! one takes any text, up to a number of different values; the rest is [`OVERFLOW`]. Either gives an index, and the
//! indices of a call's labels lead through a tree of tables, one level a label, to the name its calls are counted under
//! ([`Combinations`]): nothing is hashed but text, and nothing is allocated once a label set was seen. A reader finds a
//! branch of the tree complete or not at all (see [`base::append`](crate::base::append)).

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::base::append::{Interner, Link, MAX_CELLS, Table, hash_of};
use crate::base::sync::{Mutex, Once, leak, lock};
use crate::data::labels::Label;
use crate::data::labels::sort_labels;

/// The value of a label whose own value has no place.
const OVERFLOW: &str = "overflow";

/// A method with one label set.
#[derive(Debug)]
pub(crate) struct MethodId {
    /// Its number, from 1 on; 0 stands for all that are past the last number.
    pub(crate) id: u32,
    /// The method without labels, where this is a label set of it.
    plain: Option<&'static MethodId>,
    pub(crate) name: Arc<str>,
    /// Beside `method`, sorted by name.
    pub(crate) labels: Arc<[Label]>,
    pub(crate) origin: LabelSetOrigin,
    /// Of a method without labels: the label set that has no room for its own values.
    overflow: OnceLock<&'static MethodId>,
}

/// Where a label set comes from. A label set that comes from several places keeps the origin it was first made with: a
/// page has it once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LabelSetOrigin {
    /// It was made at run time, from text: there may be any number of those. Else it is one of a closed set.
    pub(crate) is_open: bool,
    /// A label stands for values that have no place of their own. The text does not show that: a value may be
    /// `overflow` too.
    pub(crate) is_overflow: bool,
}

impl LabelSetOrigin {
    pub(crate) const OPEN: Self = Self {
        is_open: true,
        is_overflow: false,
    };
}

/// The names of all methods of the process: a name has one number in every storage.
static METHODS: LazyLock<Interner<MethodId>> = LazyLock::new(|| Interner::new(1024));

/// So many numbers have a place in tables.
const MAX_IDS: u32 = MAX_CELLS - 1;

impl MethodId {
    fn new(id: u32, name: Arc<str>) -> Self {
        Self {
            id,
            plain: None,
            name,
            // One for all methods: a snapshot counts the holders, and need not go to each method's own for that.
            labels: Arc::default(),
            origin: LabelSetOrigin::default(),
            overflow: OnceLock::new(),
        }
    }

    /// The method of this name without labels, made if need be.
    pub(crate) fn plain(name: &str) -> &'static Self {
        Self::find_or_add(name, &[], MAX_IDS, |id| Self::new(id, Arc::from(name)))
            .unwrap_or_else(Self::beyond)
    }

    /// The method of this name without labels, if it has a number.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        Self::find_or_add(name, &[], 0, |id| Self::new(id, Arc::from(name)))
    }

    /// All that are past the last number.
    fn beyond() -> &'static Self {
        static BEYOND: LazyLock<MethodId> = LazyLock::new(|| MethodId::new(0, OVERFLOW.into()));
        &BEYOND
    }

    /// The method without labels that this is a label set of, or itself.
    pub(crate) fn without_labels(&'static self) -> &'static Self {
        self.plain.unwrap_or(self)
    }

    /// The method with these labels alone. A name that is new is only made if the method `has_room`, else it is
    /// [`overflow`](Self::overflow).
    ///
    /// A label without a value is left out: to Prometheus such a label is none, so the series with and without it are
    /// one, and all but one value would be lost.
    pub(crate) fn with_labels(
        &'static self,
        mut labels: Vec<Label>,
        origin: LabelSetOrigin,
        has_room: bool,
    ) -> &'static Self {
        labels.retain(|label| !label.value.is_empty());
        sort_labels(&mut labels);
        if labels.is_empty() {
            return self.without_labels();
        }
        let limit = if has_room { MAX_IDS } else { 0 };
        let labelled = self.labelled(&labels, origin, limit);
        labelled.unwrap_or_else(|| self.overflow())
    }

    /// The calls of a method that no label set has room for: labelled `overflow` alone.
    pub(crate) fn overflow(&'static self) -> &'static Self {
        self.without_labels().overflow.get_or_init(|| {
            let label = Label::new(OVERFLOW, "true");
            let origin = LabelSetOrigin {
                is_overflow: true,
                ..LabelSetOrigin::default()
            };
            let labelled = self.labelled(&[label], origin, MAX_IDS);
            labelled.unwrap_or_else(Self::beyond)
        })
    }

    fn labelled(
        &'static self,
        labels: &[Label],
        origin: LabelSetOrigin,
        limit: u32,
    ) -> Option<&'static Self> {
        let plain = self.without_labels();
        Self::find_or_add(&plain.name, labels, limit, |id| Self {
            plain: Some(plain),
            labels: Arc::from(labels),
            origin,
            ..Self::new(id, Arc::clone(&plain.name))
        })
    }

    fn find_or_add(
        name: &str,
        labels: &[Label],
        limit: u32,
        make: impl FnOnce(u32) -> Self,
    ) -> Option<&'static Self> {
        let is = |known: &Self| *known.name == *name && *known.labels == *labels;
        let make = |index| make(index + 1);
        let node = METHODS.find_or_add(hash_of((name, labels)), is, limit, make)?;
        Some(&node.item)
    }

    /// The name of this number, for models: no number is handed out.
    #[cfg(all(test, monitor_loom))]
    pub(crate) fn fixed(name: &str, id: u32) -> &'static Self {
        leak(Self::new(id, Arc::from(name)))
    }
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelKey {
    name: &'static str,
    values: LabelValues,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LabelValues {
    Bounded(&'static [&'static str]),
    /// Bounded, but known only when a call is made: the site is in generic code.
    Late,
    /// Any text, up to so many values.
    Capped(u32),
}

impl LabelKey {
    /// A label with these values.
    pub const fn bounded(name: &'static str, values: &'static [&'static str]) -> Self {
        let values = LabelValues::Bounded(values);
        Self { name, values }
    }

    /// A label with a closed set of values that is known with the first call.
    pub const fn late(name: &'static str) -> Self {
        let values = LabelValues::Late;
        Self { name, values }
    }

    /// A label with any text, up to `max` different ones.
    pub const fn capped(name: &'static str, max: u32) -> Self {
        let values = LabelValues::Capped(max);
        Self { name, values }
    }
}

/// True if one of these labels takes any text: its values then belong to a storage, as its limit does.
pub(crate) fn has_text(keys: &[LabelKey]) -> bool {
    keys.iter()
        .any(|key| matches!(key.values, LabelValues::Capped(_)))
}

/// The values of each label, if all are closed sets that are known.
fn closed_values(keys: &[LabelKey]) -> Option<Vec<&'static [&'static str]>> {
    let values = keys.iter().map(|key| match key.values {
        LabelValues::Bounded(values) => Some(values),
        LabelValues::Late | LabelValues::Capped(_) => None,
    });
    values.collect()
}

/// How many label sets these labels make if each has a closed set of values; else, and without labels, 0.
pub(crate) fn closed_sets(keys: &[LabelKey]) -> usize {
    let values = closed_values(keys).filter(|values| !values.is_empty());
    values.map_or(0, |values| sets_of(&values))
}

/// The most label sets that these labels can make, as far as it is known ahead; without labels 0.
pub(crate) fn most_sets(keys: &[LabelKey]) -> usize {
    let sizes = keys.iter().map(|key| match key.values {
        LabelValues::Bounded(values) => values.len(),
        LabelValues::Late => 1,
        LabelValues::Capped(max) => max as usize,
    });
    let sets = sizes.fold(1, usize::saturating_mul);
    if keys.is_empty() { 0 } else { sets }
}

fn sets_of(values: &[&'static [&'static str]]) -> usize {
    let sizes = values.iter().map(|values| values.len());
    sizes.fold(1, usize::saturating_mul)
}

/// The value of a label in one call.
#[derive(Debug, Clone, Copy)]
pub enum LabelValue<'a> {
    /// One of a closed set.
    Bounded(&'static [&'static str], usize),
    /// Any text.
    Text(&'a str),
}

/// A value of a bounded label, of the type it came from.
#[derive(Debug)]
pub struct Bounded<L>(LabelValue<'static>, PhantomData<fn(L)>);

/// Reads a bounded label.
#[inline]
pub fn bounded<L: MonitorLabel>(value: &L) -> Bounded<L> {
    Bounded(LabelValue::Bounded(L::VALUES, value.index()), PhantomData)
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

/// A type that is named like a type parameter (`A`), by an attribute that does not see the parameters of the block
/// around it: `LikelyParameter::<A>::NEW.look()` is a `KnownType` of one that is none.
///
/// By method look-up: a parameter without the bound `Unpin` does not have the first method, and nearly any type has.
#[derive(Debug)]
pub struct LikelyParameter<T: ?Sized>(AnyParameter, PhantomData<fn(&T)>);

impl<T: ?Sized> LikelyParameter<T> {
    /// There is one for each type.
    pub const NEW: Self = Self(AnyParameter, PhantomData);
}

impl<T: ?Sized + Unpin> LikelyParameter<T> {
    /// It is a type.
    pub const fn look(&self) -> KnownType {
        KnownType
    }
}

impl<T: ?Sized> Deref for LikelyParameter<T> {
    type Target = AnyParameter;

    fn deref(&self) -> &AnyParameter {
        &self.0
    }
}

/// A type parameter.
#[derive(Debug, Clone, Copy)]
pub struct AnyParameter;

impl AnyParameter {
    /// It is a parameter.
    pub const fn look(self) -> Self {
        self
    }
}

/// A type that is no parameter.
#[derive(Debug)]
pub struct KnownType;

/// Implemented for type parameters alone.
#[diagnostic::on_unimplemented(
    message = "`{T}` is named like a type parameter, but is a type: the series of this label would not be there from the start",
    label = "taken for a type parameter of the `impl` block around the function",
    note = "name the type by a path, as `self::{T}`, or put `#[monitored]` on the `impl` block, whose parameters it sees there"
)]
pub trait IsParameter<T: ?Sized> {}

impl<T: ?Sized> IsParameter<T> for AnyParameter {}

/// Requires `look` to be that of a type parameter.
pub const fn late<T: ?Sized, L: IsParameter<T>>(look: L) {
    std::mem::forget(look);
}

/// Without a bound on the type: an error about that was reported where the label is read.
impl<L> From<&Bounded<L>> for LabelValue<'_> {
    #[inline]
    fn from(value: &Bounded<L>) -> Self {
        value.0
    }
}

/// Bytes of a text that are copied without an allocation.
const SHORT: usize = 64;

/// A value of a capped label: a copy, so that the borrow of the text (through a lock guard, say) ends before the next
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

/// Most label sets of a method that are made together, before its first call where that is possible.
const MAX_AT_START: usize = 64;

/// The label sets of one call site.
#[derive(Debug)]
pub(crate) struct Combinations {
    keys: &'static [LabelKey],
    /// Parallel to `keys`.
    indices: Box<[Indices]>,
    root: Branch,
    /// All label sets, ordered by number, where they are small closed sets: of late labels, those of each type that
    /// came by.
    siblings: Mutex<Vec<&'static MethodId>>,
}

/// Where the index of a label's value in its level of the tree comes from.
#[derive(Debug)]
enum Indices {
    /// Its place in the type.
    Type,
    /// Its place in the type, behind those of the types that came by before: generic code may be called with several.
    Types(Link<LateType>),
    /// A set of texts.
    Texts(TextSet),
}

/// The values of one type of a late label; types are listed in the order in which they came by.
#[derive(Debug)]
struct LateType {
    values: &'static [&'static str],
    next: Link<LateType>,
}

/// The label sets that begin with certain values.
#[derive(Debug, Default)]
struct Branch {
    id: Once<&'static MethodId>,
    /// By the next label's index.
    next: Table<Branch>,
}

impl Combinations {
    pub(crate) fn new(keys: &'static [LabelKey]) -> Self {
        let indices = keys.iter().map(|key| match key.values {
            LabelValues::Capped(max) => Indices::Texts(TextSet::new(max)),
            LabelValues::Bounded(_) => Indices::Type,
            LabelValues::Late => Indices::Types(Once::new()),
        });
        Self {
            indices: indices.collect(),
            keys,
            root: Branch::default(),
            siblings: Mutex::default(),
        }
    }

    /// The name under which calls with these labels are counted, if there is one.
    #[inline]
    pub(crate) fn find(&self, labels: &[LabelValue<'_>]) -> Option<&'static MethodId> {
        let mut branch = &self.root;
        for (label, indices) in labels.iter().zip(&self.indices) {
            branch = branch.next.item(indices.index(*label, false)?)?;
        }
        branch.id.get()
    }

    /// [`find`](Self::find), or a new name if there `has_room` for it.
    pub(crate) fn find_or_make(
        &self,
        method: &'static MethodId,
        labels: &[LabelValue<'_>],
        has_room: impl FnOnce(&'static MethodId) -> bool,
    ) -> &'static MethodId {
        if let Some(id) = self.find(labels) {
            return id;
        }
        if !has_text(self.keys) {
            let values = labels.iter().map(|label| match label {
                LabelValue::Bounded(values, _) => *values,
                LabelValue::Text(_) => &[],
            });
            self.make_siblings(method, &values.collect::<Vec<_>>());
        } else if !has_room(method) {
            return method.overflow();
        }
        self.make(method, labels)
            .unwrap_or_else(|| method.overflow())
    }

    fn make(
        &self,
        method: &'static MethodId,
        labels: &[LabelValue<'_>],
    ) -> Option<&'static MethodId> {
        let mut branch = &self.root;
        let mut written = Vec::with_capacity(labels.len());
        let mut origin = LabelSetOrigin {
            is_open: has_text(self.keys),
            is_overflow: false,
        };
        for ((label, indices), key) in labels.iter().zip(&self.indices).zip(self.keys) {
            let index = indices.index(*label, true)?;
            let value = indices.value(*label, index);
            origin.is_overflow |= value.is_none();
            written.push(Label::new(key.name, value.unwrap_or(OVERFLOW)));
            branch = branch.next.item_or(index, || leak(Branch::default()))?;
        }
        let make = || method.with_labels(written, origin, true);
        Some(branch.id.get_or_init(make))
    }

    /// Makes every label set of these values, if they are few: so that none appears only with its first call.
    fn make_siblings(&self, method: &'static MethodId, values: &[&'static [&'static str]]) {
        if sets_of(values) > MAX_AT_START {
            return;
        }
        let mut sets = vec![Vec::new()];
        for values in values {
            let with = |set: &Vec<_>, at| [&set[..], &[LabelValue::Bounded(values, at)]].concat();
            let each = |set| (0..values.len()).map(move |at| with(set, at));
            sets = sets.iter().flat_map(each).collect();
        }
        let made = sets.iter().filter_map(|labels| self.make(method, labels));
        let mut siblings = lock(&self.siblings);
        for id in made {
            if let Err(at) = siblings.binary_search_by_key(&id.id, |one| one.id) {
                siblings.insert(at, id);
            }
        }
    }

    /// The label sets that come into being together.
    pub(crate) fn siblings(&self) -> Vec<&'static MethodId> {
        lock(&self.siblings).clone()
    }

    /// The label sets that are known before the first call.
    pub(crate) fn known(&self, method: &'static MethodId) -> Vec<&'static MethodId> {
        if let Some(values) = closed_values(self.keys) {
            self.make_siblings(method, &values);
        }
        self.siblings()
    }
}

impl Indices {
    /// The index of a value in its label's tables; if `add` is true and there is room, a new one is given out.
    // An index past the end of a type belongs to no value of it: all of those share a place.
    #[inline]
    fn index(&self, label: LabelValue<'_>, add: bool) -> Option<u32> {
        match (self, label) {
            (Self::Type, LabelValue::Bounded(values, at)) => {
                u32::try_from(at.min(values.len())).ok()
            }
            (Self::Types(types), LabelValue::Bounded(values, at)) => {
                late_index(types, values, at, add)
            }
            (Self::Texts(texts), LabelValue::Text(text)) => texts.index(text, add),
            _ => None,
        }
    }

    /// The text of a value; none where it has no place of its own.
    fn value<'a>(&self, label: LabelValue<'a>, index: u32) -> Option<&'a str> {
        match (self, label) {
            (_, LabelValue::Bounded(values, at)) => values.get(at).copied(),
            (Self::Texts(texts), LabelValue::Text(text)) => (index < texts.max).then_some(text),
            (_, LabelValue::Text(_)) => None,
        }
    }
}

/// The index of a value of one of several types; a new type is added only if `add` is true.
fn late_index(
    mut types: &Link<LateType>,
    values: &'static [&'static str],
    at: usize,
    add: bool,
) -> Option<u32> {
    let mut first = 0;
    loop {
        let make = || {
            leak(LateType {
                values,
                next: Once::new(),
            })
        };
        let known = if add {
            types.get_or_init(make)
        } else {
            types.get()?
        };
        if std::ptr::eq(known.values, values) || known.values == values {
            return u32::try_from(first + at.min(values.len())).ok();
        }
        first += known.values.len() + 1;
        types = &known.next;
    }
}

/// Longest text that is a value of its own, bytes: a label is on every line of a page.
const MAX_BYTES: usize = 256;

/// The values of a capped label: a set of texts that grows up to a limit. Looking one up takes no lock.
#[derive(Debug)]
struct TextSet {
    /// How many texts it takes; also the index of all others.
    max: u32,
    texts: Interner<Arc<str>>,
}

impl TextSet {
    fn new(max: u32) -> Self {
        Self {
            max,
            texts: Interner::new(max as usize * 2),
        }
    }

    /// The index of a text: its own; `max` where it can have none; `None` where it has none yet and `add` is false.
    #[inline]
    fn index(&self, text: &str, add: bool) -> Option<u32> {
        let is = |known: &Arc<str>| **known == *text;
        // Before the look: where the set is full then, the look finds every text in it.
        let is_full = self.texts.len() >= self.max;
        if let Some(found) = self.texts.find(hash_of(text), is) {
            return Some(found.index);
        }
        if is_full || text.len() > MAX_BYTES || text == OVERFLOW {
            return Some(self.max);
        }
        let number = || self.texts.number_of(text, self.max);
        add.then(|| number().unwrap_or(self.max))
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;

#[cfg(all(test, monitor_loom))]
mod models {
    use super::*;
    use crate::recording::models::check;

    fn add(set: &TextSet, text: &str) -> Option<u32> {
        set.index(text, true)
    }

    #[test]
    fn two_texts_for_one_place_get_one_index_of_their_own() {
        check(|| {
            let set: &'static TextSet = leak(TextSet::new(1));
            let other = loom::thread::spawn(|| (add(set, "a"), set.index("a", false)));
            let (b, b_again) = (add(set, "b"), set.index("b", false));
            let (a, a_again) = other.join().expect("no panic");
            assert_eq!([a, b].iter().flatten().sum::<u32>(), 1);
            assert_eq!((a_again, b_again), (a, b));
        });
    }

    #[test]
    fn a_text_that_two_threads_add_as_the_last_one_is_no_overflow() {
        check(|| {
            let set: &'static TextSet = leak(TextSet::new(1));
            let other = loom::thread::spawn(|| add(set, "a"));
            assert_eq!(add(set, "a"), Some(0));
            assert_eq!(other.join().expect("no panic"), Some(0));
        });
    }

    #[test]
    fn a_reader_finds_a_text_whole_or_not_at_all() {
        check(|| {
            let set: &'static TextSet = leak(TextSet::new(1));
            let writer = loom::thread::spawn(|| add(set, "a"));
            // On a thread of its own: the checker runs the first step of the main one before the writer's alone.
            let reader = loom::thread::spawn(|| {
                assert!(matches!(set.index("a", false), None | Some(0)));
                // Once the set is full, each thread finds its text.
                if set.index("b", false) == Some(1) {
                    assert_eq!(set.index("a", false), Some(0));
                }
            });
            writer.join().expect("no panic");
            reader.join().expect("no panic");
        });
    }
}
