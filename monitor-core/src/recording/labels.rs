//! Labels of calls: what values they may have, and from values to the number of a label set.
//!
//! A *bounded* label has a type with a closed set of values. A *capped* one takes any text, up to a number of different
//! values; the rest is [`OVERFLOW`]. Either gives an index, and the indices of a call's labels lead through a tree of
//! tables to the name its calls are counted under: nothing is hashed but text, and nothing is allocated once a label set
//! was seen.

mod combinations;

use std::fmt;
use std::marker::PhantomData;

pub(crate) use self::combinations::Combinations;

/// The value of a label whose own value has no place.
pub(crate) const OVERFLOW: &str = "overflow";

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
    values: Values,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Whether one of these labels takes any text: its values then belong to a storage, as its limit does.
pub(crate) fn has_text(keys: &[LabelKey]) -> bool {
    keys.iter()
        .any(|key| matches!(key.values, Values::Capped(_)))
}

/// How many label sets these labels make if each has a closed set of values; else, and without labels, 0.
pub(crate) fn closed_sets(keys: &[LabelKey]) -> usize {
    let sizes = keys.iter().map(|key| match key.values {
        Values::Bounded(values) => values.len(),
        Values::Late | Values::Capped(_) => 0,
    });
    sizes.reduce(usize::saturating_mul).unwrap_or_default()
}
