//! Methods and their label sets to small numbers, the same in every storage of the process.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use crate::base::interner::Interner;
use crate::data::family::Label;

/// A method with one label set.
#[derive(Debug)]
pub(crate) struct MethodName {
    /// Its number, plus 1.
    pub(crate) id: u32,
    /// The number of the method without labels, plus 1: what all label sets of a method share is found by it.
    pub(crate) base: u32,
    pub(crate) name: Arc<str>,
    /// Beside `method`, sorted by name.
    pub(crate) labels: Arc<[Label]>,
    /// Where its label set comes from.
    pub(crate) origin: Origin,
}

/// Where a label set comes from. One that comes from several places is what it was made as: a page has it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is one of a closed set.
    Closed,
    /// It was made at run time, from text: there may be any number of those.
    Open,
    /// A label stands for values that have no place of their own. Not told by the text: a value may be `overflow` too.
    Overflow,
    /// The same, of a label set made from text.
    OpenOverflow,
}

impl Origin {
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::OpenOverflow)
    }

    pub(crate) fn is_overflow(self) -> bool {
        matches!(self, Self::Overflow | Self::OpenOverflow)
    }
}

/// The names of all methods of the process: a name has one number in every storage.
static METHODS: LazyLock<Interner<MethodName>> = LazyLock::new(Interner::new);

impl MethodName {
    /// The method of this name without labels.
    pub(crate) fn plain(name: &str) -> &'static Self {
        Self::of(name, Vec::new(), Origin::Closed)
    }

    /// The method of this name with these labels, made if need be.
    pub(crate) fn of(name: &str, labels: Vec<Label>, origin: Origin) -> &'static Self {
        Self::get_or_make(name, told(labels), origin)
    }

    /// [`of`](Self::of) for labels made at run time, where a new name is only made if there is room: names are never freed.
    pub(crate) fn open(
        name: &str,
        labels: Vec<Label>,
        has_room: impl FnOnce() -> bool,
    ) -> &'static Self {
        let labels = told(labels);
        match METHODS.get(&key(name, &labels)) {
            Some(known) => &known.item,
            None if has_room() => Self::get_or_make(name, labels, Origin::Open),
            None => Self::overflow(name),
        }
    }

    /// Those calls of a method that no label set has room for: labelled `overflow` alone.
    pub(crate) fn overflow(name: &str) -> &'static Self {
        let label = Label {
            name: Cow::Borrowed("overflow"),
            value: Arc::from("true"),
        };
        Self::get_or_make(name, vec![label], Origin::Overflow)
    }

    /// What is past the last number.
    pub(crate) fn beyond() -> &'static Self {
        static BEYOND: LazyLock<MethodName> = LazyLock::new(|| MethodName {
            id: 0,
            base: 0,
            name: Arc::from("overflow"),
            labels: Arc::from([]),
            origin: Origin::Closed,
        });
        &BEYOND
    }

    fn get_or_make(name: &str, labels: Vec<Label>, origin: Origin) -> &'static Self {
        let base = (!labels.is_empty()).then(|| Self::plain(name).id);
        let node = METHODS.get_or_add(&key(name, &labels), |index| Self {
            id: index + 1,
            base: base.unwrap_or(index + 1),
            name: Arc::from(name),
            origin: if labels.is_empty() {
                Origin::Closed
            } else {
                origin
            },
            labels: shared(labels),
        });
        &node.item
    }

    /// The name of this number, for models: no number is handed out.
    #[cfg(all(test, monitor_loom))]
    pub(crate) fn fixed(name: &str, id: u32) -> &'static Self {
        crate::base::sync::leak(Self {
            id,
            base: id,
            name: Arc::from(name),
            labels: Arc::from([]),
            origin: Origin::Closed,
        })
    }
}

/// The labels as they are told: sorted, and without those that have no value. To Prometheus such a label is none, so the
/// series with and without it are one, and all but one value would be lost.
fn told(mut labels: Vec<Label>) -> Vec<Label> {
    labels.retain(|label| !label.value.is_empty());
    labels.sort_unstable();
    labels
}

/// No labels are the same for all methods: a snapshot counts who has them, and need not go to each method's for that.
fn shared(labels: Vec<Label>) -> Arc<[Label]> {
    static NONE: LazyLock<Arc<[Label]>> = LazyLock::new(|| Arc::from([]));
    if labels.is_empty() {
        Arc::clone(&NONE)
    } else {
        labels.into()
    }
}

/// A text that no other name and label set has: lengths tell where each part ends.
fn key<'a>(name: &'a str, labels: &[Label]) -> Cow<'a, str> {
    const MARK: char = '\0';
    if labels.is_empty() && !name.starts_with(MARK) {
        return Cow::Borrowed(name);
    }
    let mut key = String::new();
    let parts = labels
        .iter()
        .flat_map(|label| [&*label.name, &*label.value]);
    for part in std::iter::once(name).chain(parts) {
        // Writing to a String cannot fail.
        let _ = write!(key, "{MARK}{}:{part}", part.len());
    }
    Cow::Owned(key)
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    fn label(name: &'static str, value: &str) -> Label {
        Label {
            name: Cow::Borrowed(name),
            value: Arc::from(value),
        }
    }

    fn closed(labels: Vec<Label>) -> &'static MethodName {
        MethodName::of("names", labels, Origin::Closed)
    }

    #[test]
    fn a_label_set_has_one_number_whatever_its_order() {
        let ab = closed(vec![label("a", "1"), label("b", "2")]);
        let ba = closed(vec![label("b", "2"), label("a", "1")]);
        let plain = MethodName::plain("names");
        assert_eq!(ab.id, ba.id);
        assert_ne!(ab.id, plain.id);
        assert_eq!((ab.base, plain.base), (plain.id, plain.id));
    }

    #[test]
    fn a_label_without_a_value_is_none() {
        let plain = MethodName::of("unlabelled", vec![label("a", "")], Origin::Open);
        assert_eq!(plain.id, MethodName::plain("unlabelled").id);
        assert!(plain.labels.is_empty() && !plain.origin.is_open());
        let labels = vec![label("a", ""), label("b", "2")];
        let one = MethodName::open("unlabelled", labels, || true);
        assert_eq!(*one.labels, [label("b", "2")]);
        assert_eq!((one.base, one.origin), (plain.id, Origin::Open));
    }

    #[test]
    fn a_label_set_there_is_no_room_for_gets_no_name_of_its_own() {
        let names = || {
            let all = METHODS.iter().map(|node| &*node.item.name);
            all.filter(|name| *name == "without_room").count()
        };
        let of = |value: &str, has_room: bool| {
            let labels = vec![label("tenant", value)];
            MethodName::open("without_room", labels, || has_room)
        };
        let first = of("a", true);
        for tenant in 0..100 {
            assert_eq!(of(&tenant.to_string(), false).origin, Origin::Overflow);
        }
        assert_eq!(of("a", false).id, first.id, "what has a name keeps it");
        assert_eq!(names(), 3, "the method, its first label set, its overflow");
    }

    #[test]
    fn no_name_and_label_set_is_taken_for_another() {
        let keys = [
            key("x", &[]),
            key("\0x", &[]),
            key("x", &[label("a", "")]),
            key("x", &[label("a", "\x000:")]),
            key("x", &[label("a", "b"), label("c", "d")]),
            key("\x001:x\x001:a\x001:b", &[]),
        ];
        for (at, one) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(one), "{one:?}");
        }
    }
}
