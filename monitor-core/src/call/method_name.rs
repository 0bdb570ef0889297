//! Methods and their label sets to small numbers, the same in every storage of the process.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use crate::family::Label;
use crate::interner::Interner;

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
    /// Whether the label set was made at run time, from text: there may be any number of those.
    pub(crate) is_open: bool,
}

/// The names of all methods of the process: a name has one number in every storage.
static METHODS: LazyLock<Interner<MethodName>> = LazyLock::new(Interner::new);

impl MethodName {
    /// The method of this name without labels.
    pub(crate) fn plain(name: &str) -> &'static Self {
        Self::of(name, Vec::new())
    }

    /// The method of this name with these labels, of a closed set.
    pub(crate) fn of(name: &str, labels: Vec<Label>) -> &'static Self {
        Self::get_or_make(name, labels, false)
    }

    /// The same for labels that come from text.
    pub(crate) fn open(name: &str, labels: Vec<Label>) -> &'static Self {
        Self::get_or_make(name, labels, true)
    }

    /// Those calls of a method that no label set has room for: labelled `overflow` alone.
    pub(crate) fn overflow(name: &str) -> &'static Self {
        let label = Label {
            name: Cow::Borrowed("overflow"),
            value: Arc::from("true"),
        };
        Self::of(name, vec![label])
    }

    /// What is past the last number.
    pub(crate) fn beyond() -> &'static Self {
        static BEYOND: LazyLock<MethodName> = LazyLock::new(|| MethodName {
            id: 0,
            base: 0,
            name: Arc::from("overflow"),
            labels: Arc::from([]),
            is_open: false,
        });
        &BEYOND
    }

    /// A label without a value is none: to Prometheus the series of both are one, and all but one value would be lost.
    fn get_or_make(name: &str, mut labels: Vec<Label>, is_open: bool) -> &'static Self {
        labels.retain(|label| !label.value.is_empty());
        labels.sort_unstable();
        let is_open = is_open && !labels.is_empty();
        let base = (!labels.is_empty()).then(|| Self::plain(name).id);
        let node = METHODS.get_or_add(&key(name, &labels), |index| Self {
            id: index + 1,
            base: base.unwrap_or(index + 1),
            name: Arc::from(name),
            labels: shared(labels),
            is_open,
        });
        &node.item
    }

    /// The name of this number, for models: no number is handed out.
    #[cfg(all(test, loom))]
    pub(crate) fn fixed(name: &str, id: u32) -> &'static Self {
        crate::sync::leak(Self {
            id,
            base: id,
            name: Arc::from(name),
            labels: Arc::from([]),
            is_open: false,
        })
    }
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn label(name: &'static str, value: &str) -> Label {
        Label {
            name: Cow::Borrowed(name),
            value: Arc::from(value),
        }
    }

    #[test]
    fn a_label_set_has_one_number_whatever_its_order() {
        let ab = MethodName::of("names", vec![label("a", "1"), label("b", "2")]);
        let ba = MethodName::of("names", vec![label("b", "2"), label("a", "1")]);
        let plain = MethodName::plain("names");
        assert_eq!(ab.id, ba.id);
        assert_ne!(ab.id, plain.id);
        assert_eq!((ab.base, plain.base), (plain.id, plain.id));
    }

    #[test]
    fn a_label_without_a_value_is_none() {
        let plain = MethodName::open("unlabelled", vec![label("a", "")]);
        assert_eq!(plain.id, MethodName::plain("unlabelled").id);
        assert!(plain.labels.is_empty() && !plain.is_open);
        let one = MethodName::open("unlabelled", vec![label("a", ""), label("b", "2")]);
        assert_eq!(*one.labels, [label("b", "2")]);
        assert_eq!((one.base, one.is_open), (plain.id, true));
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
