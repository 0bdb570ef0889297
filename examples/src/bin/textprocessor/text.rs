//! Measures of one text: words, sentences, how hard it is to read. Pure functions.

use std::collections::{BTreeMap, HashSet};

use monitor_core::monitored;
use serde::Serialize;

/// Abbreviations whose full stop ends no sentence, in lower case.
const ABBREVIATIONS: [&str; 8] = ["mr", "mrs", "ms", "dr", "st", "prof", "vs", "etc"];

/// Words too common to be keywords, sorted for binary search.
#[rustfmt::skip]
const STOP_WORDS: [&str; 88] = [
    "a", "about", "above", "again", "all", "am", "an", "and", "any", "are", "as", "at", "be", "been", "before", "but",
    "by", "can", "could", "did", "do", "down", "each", "for", "from", "had", "has", "have", "he", "her", "here", "him",
    "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "me", "more", "my", "no", "nor", "not", "of",
    "on", "one", "only", "or", "other", "our", "out", "over", "said", "shall", "she", "so", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "they", "this", "to", "up", "us", "was", "we", "were", "what",
    "when", "where", "which", "who", "will", "with", "would", "you", "your",
];

/// The words of a text, in lower case and in order: runs of letters, with apostrophes inside them.
///
/// Called by several handlers, so its calls show up as a method of their own, nested in theirs.
#[monitored(method = "SplitWords")]
pub(crate) fn split_words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphabetic() && !is_apostrophe(c))
        .map(|word| {
            word.trim_matches(is_apostrophe)
                .to_lowercase()
                .replace('’', "'")
        })
        .filter(|word| !word.is_empty())
        .collect()
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

/// How often each word occurs that is no stop word.
pub(crate) fn term_counts(words: &[String]) -> BTreeMap<&str, u32> {
    let mut counts = BTreeMap::new();
    for word in words
        .iter()
        .map(String::as_str)
        .filter(|word| is_term(word))
    {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

fn is_term(word: &str) -> bool {
    word.chars().count() > 1 && STOP_WORDS.binary_search(&word).is_err()
}

/// How many sentences a text has: parts that hold a word and end in `.`, `!`, `?` or with the text.
pub(crate) fn sentence_count(text: &str) -> usize {
    let mut count = 0;
    let mut has_word = false;
    for token in text.split_whitespace() {
        has_word |= token.contains(char::is_alphabetic);
        if has_word && ends_sentence(token) {
            count += 1;
            has_word = false;
        }
    }
    count + usize::from(has_word)
}

fn ends_sentence(token: &str) -> bool {
    let bare = token.trim_end_matches(['"', '\'', '”', '’', ')']);
    let Some(word) = bare.strip_suffix('.') else {
        return bare.ends_with(['!', '?']);
    };
    let word = word
        .trim_start_matches(|c: char| !c.is_alphabetic())
        .to_lowercase();
    !ABBREVIATIONS.contains(&word.as_str())
}

/// How many syllables an English word has, by its groups of vowels; at least 1.
fn syllables(word: &str) -> usize {
    let mut groups = 0;
    let mut in_vowels = false;
    for letter in word.chars() {
        let vowel = "aeiouy".contains(letter);
        groups += usize::from(vowel && !in_vowels);
        in_vowels = vowel;
    }
    let silent_e = word.ends_with('e') && !word.ends_with("le") && groups > 1;
    (groups - usize::from(silent_e)).max(1)
}

/// The counts of a text.
#[derive(Debug, Serialize, PartialEq)]
pub(crate) struct Statistics {
    /// Unicode characters.
    pub characters: usize,
    /// Words.
    pub words: usize,
    /// Different words.
    pub unique_words: usize,
    /// Sentences.
    pub sentences: usize,
    /// Words a sentence; 0 without words.
    pub words_per_sentence: f64,
    /// Letters a word; 0 without words.
    pub letters_per_word: f64,
    /// The longest word, the first of several; empty without words.
    pub longest_word: String,
    /// Flesch reading ease: 206.835 - 1.015 words a sentence - 84.6 syllables a word. 100 is very easy, 0 very hard,
    /// and texts go beyond both; 0 without words.
    pub reading_ease: f64,
}

/// Computes the [`Statistics`] of a text; `words` are those of `text`.
pub(crate) fn statistics(text: &str, words: &[String]) -> Statistics {
    let sentences = sentence_count(text);
    let letters: usize = words.iter().map(|word| word.chars().count()).sum();
    let syllables: usize = words.iter().map(|word| syllables(word)).sum();
    let words_per_sentence = ratio(words.len(), sentences);
    let reading_ease = if words.is_empty() {
        0.0
    } else {
        206.835 - 1.015 * words_per_sentence - 84.6 * ratio(syllables, words.len())
    };
    Statistics {
        characters: text.chars().count(),
        words: words.len(),
        unique_words: words.iter().collect::<HashSet<_>>().len(),
        sentences,
        words_per_sentence,
        letters_per_word: ratio(letters, words.len()),
        longest_word: longest(words).to_owned(),
        reading_ease,
    }
}

fn longest(words: &[String]) -> &str {
    let mut longest = "";
    for word in words {
        if word.chars().count() > longest.chars().count() {
            longest = word;
        }
    }
    longest
}

/// `part / whole`, 0 where there is no whole.
#[expect(
    clippy::cast_precision_loss,
    reason = "texts have far fewer than 2^52 words"
)]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(text: &str) -> Statistics {
        statistics(text, &split_words(text))
    }

    #[test]
    fn words_are_lower_case_and_keep_inner_apostrophes() {
        assert_eq!(
            split_words("'Tis summer's  DAY-lily, 42 “dimm’d”"),
            ["tis", "summer's", "day", "lily", "dimm'd"]
        );
    }

    #[test]
    fn stop_words_are_sorted_for_binary_search() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn abbreviations_and_quotes_do_not_confuse_sentences() {
        assert_eq!(sentence_count("\"My dear Mr. Bennet!\" She left. Why?"), 3);
        assert_eq!(sentence_count("no stop at the end"), 1);
        assert_eq!(sentence_count("... ! ?"), 0);
    }

    #[test]
    fn syllables_follow_the_groups_of_vowels() {
        let counted: Vec<_> = ["cat", "make", "table", "beautiful", "rhythm", "the", "hmm"]
            .map(syllables)
            .into();
        assert_eq!(counted, [1, 1, 2, 3, 1, 1, 1]);
    }

    #[test]
    fn a_known_text_has_known_statistics() {
        let statistics = about("The cat sat on the mat. It was happy.");
        assert_eq!(
            (
                statistics.words,
                statistics.unique_words,
                statistics.sentences
            ),
            (9, 8, 2)
        );
        assert_eq!(statistics.longest_word, "happy");
        assert!((statistics.words_per_sentence - 4.5).abs() < 1e-12);
        // 10 syllables in 9 words.
        assert!(
            (statistics.reading_ease - (206.835 - 1.015 * 4.5 - 84.6 * 10.0 / 9.0)).abs() < 1e-9
        );
    }

    #[test]
    fn a_text_without_words_divides_by_nothing() {
        let statistics = about("42!");
        assert_eq!((statistics.words, statistics.sentences), (0, 0));
        assert!(statistics.reading_ease.abs() < f64::EPSILON);
    }

    #[test]
    fn terms_leave_out_stop_words() {
        let words = split_words("the whale and the Whale, a sea");
        assert_eq!(
            term_counts(&words),
            BTreeMap::from([("whale", 2), ("sea", 1)])
        );
    }
}
