//! Why calls fail: the last error texts of each method.
//!
//! A failing call whose error has a text leaves it in the slots of its method: up to 20 texts of 512 bytes, each with
//! the causes, the error type, the first and the last time, and a count. A text that is there already is counted; a
//! new one takes an empty slot, or that of the text that came up longest ago among those of the type that has most. Calls
//! that succeed come nowhere near.
//!
//! # Cost
//!
//! To write a Display out takes longer than all the rest of a failure. So texts are read at a limited rate: of each
//! method and error type [`BURST`] at once, and one a millisecond from then on ([`Rate`]). A call beyond that compares
//! two numbers and goes on; its failure is in all counters, and not in the count of its text.
//!
//! # No call waits
//!
//! The text is written to the stack first, as that runs the user's code. To enter it, the call claims the slots by a
//! flag. If another call has that at this moment, the text is dropped: its count is a lower bound in any case. A slot
//! is allocated once, for its first text.
//!
//! # States that a reader may see
//!
//! The holder of the flag is the single writer of all slots of the method; taking the flag (Acquire) pairs with giving
//! it back (Release). A slot has a version, which is odd while the slot is written. The writer makes it odd, stores all
//! else with Release, then makes it even with Release. A reader takes the version (Acquire), then all else with
//! Acquire, then the version again: if one of its loads saw a store of a later writing, it sees that writing's odd
//! version too, or a later one, and reads again. So a reader has a whole text with its own count, or none.

use std::array::from_fn;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Write as _};

use crate::base::append::{IN_MODEL, hash_of};
use crate::base::sync::{Acquire, AtomicU32, AtomicU64, Once, Relaxed, Release, bump, leak};
use crate::errors::{ErrorText, Identifier, MAX_SOURCES, survive};

/// Most texts that are kept of a method.
const MAX_TEXTS: usize = if IN_MODEL { 1 } else { 20 };
/// Longest text, in bytes; what is longer is cut.
const MAX_BYTES: usize = if IN_MODEL { 16 } else { 512 };
const WORD: usize = size_of::<u64>();

/// Texts of a method that are read at once, however fast its calls fail. Above the number of texts kept, so that a
/// burst of different ones fills all slots.
const BURST: u64 = 64;
/// Least seconds between two texts that are read after a burst.
pub(super) const EVERY_SECONDS: f64 = 1e-3;

/// Rates of a method. Error types share them by their number, so that a rare type is read beside a frequent one.
const RATES: usize = 16;

/// How often a reader tries to see a slot between two writings. Those are a millisecond apart but for bursts.
const TRIES: usize = if IN_MODEL { 1 } else { 100 };

/// The last error texts of one method.
pub(crate) struct LastErrors {
    rate: Rate,
    /// 1 while a call writes.
    writing: AtomicU32,
    slots: [Once<&'static TextSlot>; MAX_TEXTS],
    /// The newest time in the slots, in ticks.
    pub(crate) newest: AtomicU64,
}

/// One text as a reader has it; times are in ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptText {
    /// The storage's index of the error type.
    pub(crate) error_type: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) count: u64,
    /// With the causes, divided by `: `.
    pub(crate) text: String,
    /// The causes alone, the nearest first.
    pub(crate) causes: Vec<String>,
}

/// What stands before a cause while a text is kept. A text has no control characters but this one, so it can be told from a
/// colon of the text itself; it is as long as the `: ` that a reader is given.
const CAUSE_MARK: &str = "\u{1f} ";

impl LastErrors {
    /// Reads one text each `every` ticks, after a burst.
    pub(super) fn new(every: u64) -> Self {
        Self {
            rate: Rate::new(every),
            writing: AtomicU32::new(0),
            slots: Once::empty(),
            newest: AtomicU64::new(0),
        }
    }

    /// Keeps the text of an error of this type, if one may be read now and that is on.
    #[inline]
    pub(super) fn note(
        &self,
        text: ErrorText<'_>,
        error_type: u32,
        now: u64,
        is_on: impl FnOnce() -> bool,
    ) {
        if self.rate.allows(error_type, now) && is_on() {
            self.read(text, error_type, now);
        }
    }

    #[cold]
    #[inline(never)]
    fn read(&self, text: ErrorText<'_>, error_type: u32, now: u64) {
        let mut written = TextBuffer::default();
        written.write_error(text);
        if written.len > 0 {
            self.enter(written.as_str(), error_type, now);
        }
    }

    /// Enters a text, unless another call enters one at this moment.
    pub(super) fn enter(&self, text: &str, error_type: u32, now: u64) {
        let hash = hash_of((text, error_type));
        // Acquire: pairs with the Release below, so the slots are as the last writer left them.
        let claimed = self.writing.compare_exchange(0, 1, Acquire, Relaxed);
        if claimed.is_ok() {
            match self.slot_with(hash) {
                Some(slot) => slot.count(now),
                None => self.free_slot().replace(hash, text, error_type, now),
            }
            self.newest.store(now, Relaxed);
            self.writing.store(0, Release);
        }
    }

    fn slot_with(&self, hash: u64) -> Option<&'static TextSlot> {
        self.made().find(|slot| slot.hash.load(Relaxed) == hash)
    }

    /// An empty slot; else, of the type that has most of them, the one whose text came up longest ago. So a frequent type
    /// with ever new texts takes no slot of a rare one.
    fn free_slot(&self) -> &'static TextSlot {
        if let Some(empty) = self.slots.iter().find(|slot| slot.get().is_none()) {
            return empty.get_or_init(|| leak(TextSlot::new()));
        }
        let slots_of = |error_type| {
            let types = self.made().map(|slot| slot.error_type.load(Relaxed));
            types.filter(|one| *one == error_type).count()
        };
        let oldest = self.made().min_by_key(|slot| {
            let of_type = slots_of(slot.error_type.load(Relaxed));
            (Reverse(of_type), slot.last.load(Relaxed))
        });
        oldest.expect("a method keeps more than no text")
    }

    fn made(&self) -> impl Iterator<Item = &'static TextSlot> {
        self.slots.iter().filter_map(Once::get)
    }

    /// All texts since this time, the newest first.
    pub(crate) fn kept(&self, oldest: u64) -> Vec<KeptText> {
        let recent = |slot: &&TextSlot| slot.last.load(Relaxed) >= oldest;
        let mut kept: Vec<_> = self
            .made()
            .filter(recent)
            .filter_map(TextSlot::read)
            .collect();
        kept.sort_by_key(|text| Reverse((text.last, text.first)));
        kept
    }

    /// The newest text of each type since this time, the newest first. A type whose newest text is replaced meanwhile may
    /// be left out.
    pub(crate) fn newest_of_types(&self, oldest: u64) -> Vec<KeptText> {
        // Only what is shown is copied.
        let mut newest = BTreeMap::new();
        for slot in self.made() {
            let times = (slot.last.load(Relaxed), slot.first.load(Relaxed));
            let of_type = newest
                .entry(slot.error_type.load(Relaxed))
                .or_insert((times, slot));
            if times >= of_type.0 {
                *of_type = (times, slot);
            }
        }
        let recent = newest.into_values().filter(|(times, _)| times.0 >= oldest);
        let mut kept: Vec<_> = recent.filter_map(|(_, slot)| slot.read()).collect();
        kept.sort_by_key(|text| Reverse((text.last, text.first)));
        kept
    }
}

/// How many texts are read: [`BURST`] at once, then one each `every` ticks (the generic cell rate algorithm of ITU-T
/// I.371, as one number).
struct Rate {
    every: u64,
    /// When the texts read so far would all have come one by one, in ticks: for some error types each.
    due: [AtomicU64; RATES],
}

impl Rate {
    fn new(every: u64) -> Self {
        Self {
            every: every.max(1),
            due: from_fn(|_| AtomicU64::new(0)),
        }
    }

    // Relaxed: it orders nothing. Of two calls at one moment, one reads its text.
    #[inline]
    fn allows(&self, error_type: u32, now: u64) -> bool {
        let cell = &self.due[error_type as usize % RATES];
        let due = cell.load(Relaxed);
        if due > now.saturating_add((BURST - 1) * self.every) {
            return false;
        }
        let next = due.max(now).saturating_add(self.every);
        cell.compare_exchange(due, next, Relaxed, Relaxed).is_ok()
    }
}

/// One text.
struct TextSlot {
    /// Odd while it is written; 0 before the first text.
    version: AtomicU64,
    /// Of the text and its type. Only writers look at it.
    hash: AtomicU64,
    error_type: AtomicU32,
    len: AtomicU32,
    first: AtomicU64,
    last: AtomicU64,
    /// 0 before its text is written.
    count: AtomicU64,
    words: [AtomicU64; MAX_BYTES / WORD],
}

impl TextSlot {
    fn new() -> Self {
        Self {
            version: AtomicU64::new(0),
            hash: AtomicU64::new(0),
            error_type: AtomicU32::new(0),
            len: AtomicU32::new(0),
            first: AtomicU64::new(0),
            last: AtomicU64::new(0),
            count: AtomicU64::new(0),
            words: from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Counts the text once more.
    fn count(&self, now: u64) {
        self.writing(|| {
            // Of two calls, the one that ended first may come second.
            let last = self.last.load(Relaxed);
            self.last.store(last.max(now), Release);
            bump(&self.count, 1, Release);
        });
    }

    /// Writes another text.
    fn replace(&self, hash: u64, text: &str, error_type: u32, now: u64) {
        self.writing(|| {
            self.hash.store(hash, Relaxed);
            self.write_text(text);
            self.error_type.store(error_type, Release);
            self.first.store(now, Release);
            self.last.store(now, Release);
            self.count.store(1, Release);
        });
    }

    // The single writer: a plain load and a plain store.
    fn writing(&self, write: impl FnOnce()) {
        let version = self.version.load(Relaxed);
        self.version.store(version + 1, Relaxed);
        write();
        self.version.store(version + 2, Release);
    }

    fn write_text(&self, text: &str) {
        for (word, bytes) in self.words.iter().zip(text.as_bytes().chunks(WORD)) {
            let mut whole = [0; WORD];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(whole), Release);
        }
        let len = text.len().min(MAX_BYTES);
        self.len.store(u32::try_from(len).unwrap_or(0), Release);
    }

    fn read(&self) -> Option<KeptText> {
        let whole = (0..TRIES).find_map(|_| self.try_read());
        whole.filter(|kept| kept.count > 0)
    }

    /// The text, with a count of 0 before it is written; `None` if the slot was written meanwhile.
    fn try_read(&self) -> Option<KeptText> {
        let version = self.version.load(Acquire);
        if !version.is_multiple_of(2) {
            return None;
        }
        let len = self.len.load(Acquire) as usize;
        let words = &self.words[..len.div_ceil(WORD)];
        let mut bytes = Vec::with_capacity(words.len() * WORD);
        for word in words {
            bytes.extend_from_slice(&word.load(Acquire).to_ne_bytes());
        }
        bytes.truncate(len);
        let mut kept = KeptText {
            error_type: self.error_type.load(Acquire),
            first: self.first.load(Acquire),
            last: self.last.load(Acquire),
            count: self.count.load(Acquire),
            text: String::new(),
            causes: Vec::new(),
        };
        // Relaxed: the loads above are Acquire, so this one is behind them.
        if self.version.load(Relaxed) != version {
            return None;
        }
        let text = String::from_utf8(bytes).ok()?;
        kept.causes = text.split(CAUSE_MARK).skip(1).map(str::to_owned).collect();
        kept.text = text.replace(CAUSE_MARK, ": ");
        Some(kept)
    }
}

/// A text while it is written: its first bytes, in one line.
struct TextBuffer {
    bytes: [u8; MAX_BYTES],
    len: usize,
    /// A character had no room: the text ends there, though a shorter one would fit.
    is_full: bool,
}

impl Default for TextBuffer {
    fn default() -> Self {
        Self {
            bytes: [0; MAX_BYTES],
            len: 0,
            is_full: false,
        }
    }
}

impl TextBuffer {
    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }

    /// Writes an error and its causes, as far as there is room. A part of it that panics ends where it does.
    fn write_error(&mut self, text: ErrorText<'_>) {
        match text {
            ErrorText::Error(error) => {
                self.write_part(&error);
                self.write_sources(error);
            }
            // A report's alternate form has its causes.
            ErrorText::Display(value) => self.write_part(&format_args!("{value:#}")),
            ErrorText::Text(text) => self.write_part(&text),
            ErrorText::Debug(value) => {
                survive(|| write!(Identifier(self), "{value:?}"));
            }
            ErrorText::Opaque => {}
        }
    }

    fn write_sources(&mut self, error: &dyn Error) {
        let mut next = survive(|| error.source()).flatten();
        for _ in 0..MAX_SOURCES {
            let Some(source) = next.filter(|_| !self.is_full) else {
                return;
            };
            self.write_source(source);
            next = survive(|| source.source()).flatten();
        }
    }

    #[cfg(feature = "tonic")]
    fn write_source(&mut self, source: &(dyn Error + 'static)) {
        match source.downcast_ref::<tonic::Status>() {
            // Its Display ends in the Debug of its source, whose fields may be secrets.
            Some(status) => self.write_part(&status.message()),
            None => self.write_part(&source),
        }
    }

    #[cfg(not(feature = "tonic"))]
    fn write_source(&mut self, source: &(dyn Error + 'static)) {
        self.write_part(&source);
    }

    /// Writes what stands before a cause, where there is room for it.
    fn write_mark(&mut self) {
        let end = self.len + CAUSE_MARK.len();
        match self.bytes.get_mut(self.len..end) {
            Some(room) => {
                room.copy_from_slice(CAUSE_MARK.as_bytes());
                self.len = end;
            }
            None => self.is_full = true,
        }
    }

    /// Writes one error of a chain, unless the text so far ends in it: many errors print their source themselves.
    fn write_part(&mut self, part: &dyn fmt::Display) {
        let before = self.len;
        if before > 0 {
            self.write_mark();
        }
        let start = self.len;
        survive(|| write!(self, "{part}"));
        let (earlier, new) = (&self.bytes[..before], &self.bytes[start..self.len]);
        if earlier.ends_with(new) {
            self.len = before;
        }
    }
}

impl fmt::Write for TextBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let shown = if character.is_control() {
                ' '
            } else {
                character
            };
            let end = self.len + shown.len_utf8();
            self.is_full |= end > MAX_BYTES;
            if self.is_full {
                return Err(fmt::Error);
            }
            let room = &mut self.bytes[self.len..end];
            shown.encode_utf8(room);
            self.len = end;
        }
        Ok(())
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
