//! The parts of an error that are read, and the bounded search through them.
//!
//! A text is searched as it is written: a [`Search`] is a `fmt::Write` that steps through an automaton, byte by byte,
//! and keeps a state and the lowest rank found so far. Nothing is allocated and nothing of the text is kept. A write
//! fails once the answer is settled or the limit is reached, so that a long Display ends early.
//!
//! An error is read in parts: the name of its type, its Display, and the Display and the Debug's identifier of each
//! source. A word matches within one part. The user's code that writes a part may panic: the text it wrote before
//! counts.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Sources read of one error. A chain this long is a cycle or a mistake; without the bound, sources that print nothing
/// could hold a call for ever.
pub(crate) const MAX_SOURCES: usize = 64;

/// How a call ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It returned without an error.
    Success,
    /// It failed with an error that the configured rules classify.
    Error(ErrorView<'a>),
    /// It failed with an error whose type is known by name. A name that neither the configuration lists nor a derive or
    /// attribute names counts as `other`; `timeout` and the types of [HTTP statuses](Self::of_http_status) and [gRPC
    /// codes](Self::of_grpc_code) are known anyway.
    ErrorType(&'a str),
    /// It failed with an error that names its own type, and has a text to read.
    Named(NamedView<'a>),
    /// It failed as expected: counted as a failure of this type (`other` if it is not known), but the task status stays
    /// as it is.
    Expected(&'a str),
    /// It panicked.
    Panic,
    /// It was dropped before it ended, and not by a [`timeout_with`](crate::timeout_with).
    Cancelled,
}

impl<'a> Outcome<'a> {
    /// The text of the error it failed with, where that is known.
    pub(crate) fn error_text(&self) -> Option<ErrorText<'a>> {
        match self {
            Self::Error(view) => Some(view.text),
            Self::Named(view) => Some(view.text),
            _ => None,
        }
    }
}

/// An error whose type is known by name, and its readable text, which is not searched.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use monitor_core::{ErrorText, Monitor, NamedView, Outcome, StorageConfig};
///
/// let monitor = Monitor::new(StorageConfig::default());
/// monitor.method("Load")?.start().finish(Outcome::Named(NamedView {
///     error_type: "timeout",
///     text: ErrorText::Display(&"no answer in 5 s"),
/// }));
/// let error = &monitor.last_errors(Duration::MAX)[0];
/// assert_eq!((&*error.error_type, &*error.text), ("timeout", "no answer in 5 s"));
/// # Ok::<(), monitor_core::MethodError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NamedView<'a> {
    /// The name of its error type. One that neither the configuration lists nor a derive or attribute names counts as
    /// `other`.
    pub error_type: &'a str,
    /// Its readable text.
    pub text: ErrorText<'a>,
}

/// An error as the parser sees it: its type's name and its readable text.
#[derive(Debug, Clone, Copy)]
pub struct ErrorView<'a> {
    /// The full name of its type, as `std::any::type_name` gives it; empty if unknown.
    pub type_name: &'a str,
    /// Its readable text.
    pub text: ErrorText<'a>,
}

/// The text that can be read from an error.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum ErrorText<'a> {
    /// A std error: Display and its chain of sources.
    Error(&'a (dyn Error + 'a)),
    /// Display alone, in its alternate form (`{:#}`), in which reports print their causes.
    Display(&'a (dyn fmt::Display + 'a)),
    /// A text alone, as it is.
    Text(&'a str),
    /// Debug alone. Only the identifier it begins with is read.
    Debug(&'a (dyn fmt::Debug + 'a)),
    /// Nothing.
    Opaque,
}

impl fmt::Debug for ErrorText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error(_) => "Error",
            Self::Display(_) => "Display",
            Self::Text(_) => "Text",
            Self::Debug(_) => "Debug",
            Self::Opaque => "Opaque",
        })
    }
}

/// A set of words as an automaton (Aho and Corasick, "Efficient string matching", 1975).
///
/// Each byte of a text is one step through a table, however many words there are. The table has 2 bytes for each state
/// (at most one for each byte of the words) and column (one for each distinct byte in the words, rounded up to a power
/// of two).
pub(super) struct Words {
    /// The column of each byte in `next`; 0 for bytes in no word. Upper-case ASCII letters share the column of the
    /// lower-case ones.
    classes: [u8; 256],
    /// A row of `next` has 2^`row_bits` columns: a step then waits for a shift, not for a product.
    row_bits: u32,
    /// The state after a state and a class.
    next: Vec<u16>,
    /// The lowest rank of the words that end in a state, else [`NONE`].
    found: Vec<u16>,
    /// The lowest rank of all: nothing better can be found.
    lowest: u16,
}

/// No word. No rank is as high: the words of an automaton are bounded.
const NONE: u16 = u16::MAX;
const ROOT: u16 = 0;

impl Words {
    /// Most bytes of all words together, lower-cased. States and ranks are 16-bit numbers.
    pub(super) const MAX_BYTES: usize = 60_000;

    /// An automaton of words and their ranks. All of them together have at most [`MAX_BYTES`](Self::MAX_BYTES).
    pub(super) fn new<'a>(words: impl IntoIterator<Item = (&'a str, u16)>) -> Self {
        let words = words.into_iter();
        let words: Vec<(String, u16)> = words.map(|(word, rank)| (fold(word), rank)).collect();
        // A class for each distinct byte of the words: UTF-8 has 243 byte values.
        let (mut classes, mut last) = ([0_u8; 256], 0);
        for byte in words.iter().flat_map(|(word, _)| word.bytes()) {
            let class = &mut classes[usize::from(byte)];
            if *class == 0 {
                last += 1;
                *class = last;
            }
        }
        for letter in b'a'..=b'z' {
            classes[usize::from(letter.to_ascii_uppercase())] = classes[usize::from(letter)];
        }
        let row_bits = (u8::BITS - last.leading_zeros()).max(1);
        let mut automaton = Self {
            classes,
            row_bits,
            next: vec![ROOT; 1 << row_bits],
            found: vec![NONE],
            lowest: words.iter().map(|(_, rank)| *rank).min().unwrap_or(NONE),
        };
        for (word, rank) in &words {
            automaton.insert(word, *rank);
        }
        automaton.link();
        automaton
    }

    fn insert(&mut self, word: &str, rank: u16) {
        let mut state = ROOT;
        for byte in word.bytes() {
            let cell = self.cell(state, self.classes[usize::from(byte)]);
            if self.next[cell] == ROOT {
                self.next[cell] =
                    u16::try_from(self.found.len()).expect("the words' bytes are bounded");
                self.found.push(NONE);
                self.next.resize(self.found.len() << self.row_bits, ROOT);
            }
            state = self.next[cell];
        }
        let found = &mut self.found[usize::from(state)];
        *found = rank.min(*found);
    }

    /// Fills the cells that lead out of the tree: each goes on as the longest proper suffix read so far would.
    fn link(&mut self) {
        let mut suffix = vec![ROOT; self.found.len()];
        let mut queue = VecDeque::from([ROOT]);
        while let Some(state) = queue.pop_front() {
            let behind = suffix[usize::from(state)];
            let found = self.found[usize::from(behind)];
            let found = found.min(self.found[usize::from(state)]);
            self.found[usize::from(state)] = found;
            for class in 0..=u8::MAX >> (u8::BITS - self.row_bits) {
                let cell = self.cell(state, class);
                let child = self.next[cell];
                // The root is its own suffix, so its children must not follow it to themselves.
                let on = match state {
                    ROOT => ROOT,
                    _ => self.next[self.cell(behind, class)],
                };
                if child == ROOT {
                    self.next[cell] = on;
                } else {
                    suffix[usize::from(child)] = on;
                    queue.push_back(child);
                }
            }
        }
    }

    fn cell(&self, state: u16, class: u8) -> usize {
        (usize::from(state) << self.row_bits) | usize::from(class)
    }

    /// The lowest rank of the words in `text`.
    pub(super) fn find(&self, text: &str) -> Option<u16> {
        let mut search = Search::new(self, usize::MAX);
        search.read(|search| search.write_str(text));
        search.found()
    }
}

/// `text` without case, as a [`Search`] sees it.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(fold_char).collect()
}

/// Python's `lower()`, one character at a time, but both forms of the small sigma are one: which is right depends on
/// the next character, and that may be in the next piece of text.
fn fold_char(character: char) -> impl Iterator<Item = char> {
    let lower = character.to_lowercase();
    lower.map(|lower| if lower == 'ς' { 'σ' } else { lower })
}

/// A search through the text of one error, written to it piece by piece.
pub(super) struct Search<'a> {
    words: &'a Words,
    state: u16,
    found: u16,
    /// Bytes it still looks at; none once no further text can change the answer.
    left: usize,
}

impl<'a> Search<'a> {
    /// A search that looks at `limit` bytes of lower-cased text.
    pub(super) fn new(words: &'a Words, limit: usize) -> Self {
        Self {
            words,
            state: ROOT,
            found: NONE,
            left: if words.lowest == NONE { 0 } else { limit },
        }
    }

    /// The lowest rank of the words found so far.
    pub(super) fn found(&self) -> Option<u16> {
        (self.found != NONE).then_some(self.found)
    }

    /// Reads an error.
    pub(super) fn read_view(&mut self, view: &ErrorView<'_>) {
        let (name, is_boxed) = type_identifier(view.type_name);
        self.read(|search| search.write_str(name));
        match view.text {
            ErrorText::Error(error) => {
                self.read(|search| write!(search, "{error}"));
                // The name of a boxed error's own type is lost: it is read as each source is.
                if is_boxed || name.is_empty() {
                    self.read_identifier(&error);
                }
                self.read_sources(error);
            }
            ErrorText::Display(value) => self.read(|search| write!(search, "{value:#}")),
            ErrorText::Text(text) => self.read(|search| search.write_str(text)),
            ErrorText::Debug(value) => self.read_identifier(value),
            ErrorText::Opaque => {}
        }
    }

    /// Reads an error of which only texts are known.
    pub(super) fn read_parts(&mut self, type_name: &str, display: &str, chain: &[&str]) {
        let (name, _) = type_identifier(type_name);
        for text in [name, display].iter().chain(chain) {
            self.read(|search| search.write_str(text));
        }
    }

    fn read_sources(&mut self, error: &dyn Error) {
        let mut next = survive(|| error.source()).flatten();
        for _ in 0..MAX_SOURCES {
            let Some(source) = next.filter(|_| self.left > 0) else {
                return;
            };
            self.read(|search| write!(search, "{source}"));
            self.read_identifier(source);
            next = survive(|| source.source()).flatten();
        }
    }

    /// Reads the identifier a Debug begins with: the name of a struct or variant, none of its fields.
    fn read_identifier(&mut self, value: &dyn fmt::Debug) {
        self.read(|search| write!(Identifier(search), "{value:?}"));
    }

    /// Reads one part. Words do not match over its ends; the text written before an error or a panic counts.
    fn read(&mut self, write: impl FnOnce(&mut Self) -> fmt::Result) {
        if self.left > 0 {
            self.state = ROOT;
            survive(|| write(self));
        }
    }

    fn step(&mut self, byte: u8) -> fmt::Result {
        self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
        let words = self.words;
        self.state = words.next[words.cell(self.state, words.classes[usize::from(byte)])];
        let found = words.found[usize::from(self.state)];
        if found < self.found {
            self.found = found;
            if found == words.lowest {
                self.left = 0;
            }
        }
        Ok(())
    }
}

impl Write for Search<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            // The classes fold ASCII.
            if let Ok(byte) = u8::try_from(character)
                && byte.is_ascii()
            {
                self.step(byte)?;
            } else {
                let mut bytes = [0; 4];
                for lower in fold_char(character) {
                    let mut bytes = lower.encode_utf8(&mut bytes).bytes();
                    bytes.try_for_each(|byte| self.step(byte))?;
                }
            }
        }
        Ok(())
    }
}

/// Runs code of the user's error type; `None` if it panicked.
pub(crate) fn survive<R>(run: impl FnOnce() -> R) -> Option<R> {
    // Sound to go on after a panic: a search half-way is a valid search, and the error is only looked at.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => Some(result),
        Err(payload) => {
            // A payload may panic when dropped; the payload of that is leaked, so this ends.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            None
        }
    }
}

/// A writer that ends at the first character that is no part of an identifier: where the fields of a Debug begin. These are
/// for its developer, and may be secrets.
pub(crate) struct Identifier<'a, W>(pub(crate) &'a mut W);

impl<W: Write> Write for Identifier<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let identifier = leading_identifier(text);
        self.0.write_str(identifier)?;
        (identifier.len() == text.len())
            .then_some(())
            .ok_or(fmt::Error)
    }
}

/// The last segment of a type's path, without generics, empty if it does not describe the error; and whether the error
/// is behind a pointer that hands on Display, Debug and source.
fn type_identifier(name: &str) -> (&str, bool) {
    const POINTERS: [(&str, bool); 5] = [
        ("alloc::boxed::Box<", true),
        ("alloc::sync::Arc<", true),
        ("alloc::rc::Rc<", true),
        ("&", false),
        ("mut ", false),
    ];
    let (mut path, mut is_boxed) = (name, false);
    while let Some((inner, boxes)) = POINTERS
        .iter()
        .find_map(|(pointer, boxes)| Some((path.strip_prefix(pointer)?, boxes)))
    {
        path = inner;
        is_boxed |= boxes;
    }
    // Names that are the same for errors of all kinds.
    let bare = path.trim_end_matches('>');
    let any = [
        "anyhow::Error",
        "eyre::Report",
        "alloc::string::String",
        "str",
    ];
    if bare.starts_with("dyn ") || any.contains(&bare) {
        return ("", is_boxed);
    }
    // `Foo` of `a::b::Foo<c::Bar>` and of `a::<impl b::C>::f::Foo`.
    let (mut depth, mut start) = (0_usize, 0);
    for (index, byte) in path.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => start = index + 1,
            _ => {}
        }
    }
    (leading_identifier(&path[start..]), is_boxed)
}

fn leading_identifier(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_alphanumeric() && character != '_');
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests;
