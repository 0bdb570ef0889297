//! What a child of a family can be asked to do: go, come back, and say whether it changed.

use crate::data::value::ValueKind;

/// A value that may be taken away under its key and come back.
pub(super) trait Held {
    /// Puts a value where one was taken away.
    fn bring_back(&self, fresh: Self);

    /// Whether it was updated since it was last asked.
    fn was_touched(&self) -> bool;

    /// What is different after an update that counts; `None` for what never idles.
    fn mark(&self) -> Option<u64>;

    /// Takes the value away, unless an update came after this mark was read.
    fn take_unchanged(&self, mark: u64) -> bool;
}

/// Why a value was not updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It was taken away: its key has to be looked up again.
    Gone,
    /// It is of another sort.
    Holds(ValueKind),
}
