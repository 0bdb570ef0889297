//! Finds the first of many words in a text that comes in pieces.

use std::collections::VecDeque;
use std::fmt;

/// A set of words as an automaton (Aho and Corasick, "Efficient string matching", 1975).
///
/// Each byte of a text is one step through a table, however many words there are, and nothing of the text is kept: a
/// search allocates nothing and needs no buffer. The table has 2 bytes for each state (at most one for each byte of the
/// words) and column (one for each distinct byte in the words, rounded up to a power of two).
pub(super) struct Words {
    /// The column of each byte in `next`; 0 for bytes in no word. Upper-case ASCII letters share the column of the
    /// lower-case ones.
    classes: [u8; 256],
    /// A row of `next` has two to the power of this columns: a step then waits for a shift, not for a product.
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
    pub(super) fn new<'a>(words: impl IntoIterator<Item = (&'a str, usize)>) -> Self {
        let words: Vec<(Vec<u8>, u16)> = words
            .into_iter()
            .map(|(word, rank)| (fold(word).into_bytes(), u16::try_from(rank).unwrap_or(NONE)))
            .collect();
        let (classes, count) = classes(words.iter().flat_map(|(word, _)| word));
        let row_bits = count.next_power_of_two().max(2).trailing_zeros();
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

    fn insert(&mut self, word: &[u8], rank: u16) {
        let mut state = ROOT;
        for &byte in word {
            let cell = self.cell(state, self.classes[usize::from(byte)]);
            if self.next[cell] == ROOT {
                self.next[cell] =
                    u16::try_from(self.found.len()).expect("the words' bytes are bounded");
                self.found.push(NONE);
                self.next
                    .resize(self.next.len() + (1 << self.row_bits), ROOT);
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
            self.found[usize::from(state)] =
                self.found[usize::from(state)].min(self.found[usize::from(behind)]);
            for class in 0..=u8::MAX >> (u8::BITS - self.row_bits) {
                let child = self.next[self.cell(state, class)];
                // The root is its own suffix, so its children must not follow it to themselves.
                let on = if state == ROOT {
                    ROOT
                } else {
                    self.next[self.cell(behind, class)]
                };
                if child == ROOT {
                    let cell = self.cell(state, class);
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
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        let mut search = Search::new(self, usize::MAX);
        // It ends early where nothing better can be found.
        let _ = fmt::Write::write_str(&mut search, text);
        search.found()
    }
}

/// A class for each distinct byte of the words, and how many classes there are.
fn classes<'a>(bytes: impl Iterator<Item = &'a u8>) -> ([u8; 256], usize) {
    let mut classes = [0_u8; 256];
    let mut last = 0;
    for &byte in bytes {
        let class = &mut classes[usize::from(byte)];
        if *class == 0 {
            // UTF-8 has 243 byte values, so this stays in range.
            last += 1;
            *class = last;
        }
    }
    for letter in b'a'..=b'z' {
        classes[usize::from(letter.to_ascii_uppercase())] = classes[usize::from(letter)];
    }
    (classes, usize::from(last) + 1)
}

/// `text` without case, as a [`Search`] sees it.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(fold_char).collect()
}

/// Python's `lower()`, one character at a time, but both forms of the small sigma are one: which is right depends on
/// what follows, and that may be in the next piece of text.
fn fold_char(character: char) -> impl Iterator<Item = char> {
    character
        .to_lowercase()
        .map(|lower| if lower == 'ς' { 'σ' } else { lower })
}

/// A search through one text, written to it piece by piece.
///
/// Writing fails once the answer is settled or the limit is reached, so that a long Display ends early.
pub(super) struct Search<'a> {
    words: &'a Words,
    state: u16,
    found: u16,
    left: usize,
}

impl<'a> Search<'a> {
    /// A search that looks at `limit` bytes of lower-cased text.
    pub(super) fn new(words: &'a Words, limit: usize) -> Self {
        let left = if words.lowest == NONE { 0 } else { limit };
        Self {
            words,
            state: ROOT,
            found: NONE,
            left,
        }
    }

    /// Begins a new part of the text: no word matches over its beginning.
    pub(super) fn begin_part(&mut self) {
        self.state = ROOT;
    }

    /// Whether more text cannot change the answer.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// The lowest rank of the words found so far.
    pub(super) fn found(&self) -> Option<usize> {
        (self.found != NONE).then_some(usize::from(self.found))
    }

    fn step(&mut self, byte: u8) -> fmt::Result {
        if self.left == 0 {
            return Err(fmt::Error);
        }
        self.left -= 1;
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

impl fmt::Write for Search<'_> {
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
                    lower
                        .encode_utf8(&mut bytes)
                        .bytes()
                        .try_for_each(|byte| self.step(byte))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&'static str]) -> Words {
        Words::new(words.iter().enumerate().map(|(rank, &word)| (word, rank)))
    }

    #[test]
    fn the_first_word_in_order_wins_wherever_it_is() {
        let words = words(&["she", "he", "hers", "his", "r"]);
        assert_eq!(words.find("ushers"), Some(0));
        assert_eq!(words.find("uhers"), Some(1));
        assert_eq!(words.find("r his"), Some(3));
        assert_eq!(words.find("hxixs"), None);
        assert_eq!(words.find(""), None);
    }

    #[test]
    fn a_word_inside_another_is_found_on_the_way() {
        let words = words(&["bc", "abcd"]);
        assert_eq!(words.find("xabcx"), Some(0));
        assert_eq!(words.find("abcd"), Some(0));
    }

    #[test]
    fn case_does_not_count_in_any_alphabet() {
        let words = words(&["ÜBERLAUF", "σίσυφος", "İ", "k\u{212a}"]);
        assert_eq!(words.find("Stapelüberlauf"), Some(0));
        assert_eq!(words.find("ΣΊΣΥΦΟΣ!"), Some(1));
        assert_eq!(words.find("i\u{307}"), Some(2));
        assert_eq!(words.find("KK"), Some(3));
    }

    #[test]
    fn a_word_may_come_in_pieces_but_not_in_parts() {
        use fmt::Write as _;
        let words = words(&["refused"]);
        let mut search = Search::new(&words, 100);
        assert!(search.write_str("ref").is_ok());
        search.begin_part();
        assert!(search.write_str("used ref").is_ok());
        assert_eq!(search.found(), None);
        assert!(search.write_str("used").is_ok());
        assert_eq!(search.found(), Some(0));
        assert!(search.is_done());
        assert!(search.write_str("more").is_err());
    }

    #[test]
    fn without_words_nothing_is_read() {
        let words = words(&[]);
        assert!(Search::new(&words, 100).is_done());
        assert_eq!(words.find("any"), None);
    }
}
