//! The service's methods: one monitored function for each request of a client.

use std::collections::BTreeSet;

use monitor_core::{StatCounter, monitored};
use serde::{Deserialize, Serialize};

use crate::corpus::{Corpus, Keyword, Neighbour};
use crate::dependency::DictionaryClient;
use crate::error::TextError;
use crate::text::{self, Statistics, split_words};

/// Longest text taken, bytes: short enough to be worked through in place instead of on a thread pool.
pub(crate) const MAX_TEXT: usize = 64 * 1024;

/// Words of a text that the dictionary does not know, by the alphabet.
#[derive(Debug, Serialize)]
pub(crate) struct Spelling {
    /// Different words looked up.
    pub words: usize,
    /// Those the dictionary does not know.
    pub unknown: Vec<String>,
}

/// Two texts to compare.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    /// One text.
    pub left: String,
    /// The other.
    pub right: String,
}

/// How like two texts are.
#[derive(Debug, Serialize)]
pub(crate) struct Similarity {
    /// From 0 (no term in common) to 1.
    pub similarity: f64,
}

/// All measures of one text.
#[derive(Debug, Serialize)]
pub(crate) struct Analysis {
    /// Counts.
    pub statistics: Statistics,
    /// Its keywords.
    pub keywords: Vec<Keyword>,
    /// The likest shipped texts.
    pub neighbours: Vec<Neighbour>,
    /// Words the dictionary does not know.
    pub spelling: Spelling,
}

/// The service: the shipped texts, the dictionary, and a metric of its own.
#[derive(Debug)]
pub(crate) struct Service {
    corpus: Corpus,
    dictionary: DictionaryClient,
    words: StatCounter,
}

impl Service {
    /// A service that counts the words it has read in `words`.
    pub(crate) fn new(corpus: Corpus, dictionary: DictionaryClient, words: StatCounter) -> Self {
        Self {
            corpus,
            dictionary,
            words,
        }
    }

    /// Counts words and sentences. A plain function is monitored the same way as an async one.
    #[monitored(method = "Statistics")]
    pub(crate) fn statistics(&self, body: &[u8]) -> Result<Statistics, TextError> {
        let text = text_of(body)?;
        Ok(text::statistics(text, &self.read(text)))
    }

    /// Finds the words that set a text apart.
    #[monitored(method = "Keywords")]
    pub(crate) fn keywords(&self, body: &[u8], limit: usize) -> Result<Vec<Keyword>, TextError> {
        let words = self.read(text_of(body)?);
        self.corpus.keywords(&words, limit)
    }

    /// Compares two texts.
    #[monitored(method = "Similarity")]
    pub(crate) fn similarity(&self, body: &[u8]) -> Result<Similarity, TextError> {
        let pair: Pair = serde_json::from_slice(body)?;
        let left = self.read(checked(&pair.left)?);
        let right = self.read(checked(&pair.right)?);
        Ok(Similarity {
            similarity: self.corpus.similarity(&left, &right),
        })
    }

    /// Ranks the shipped texts by likeness.
    #[monitored(method = "Neighbours")]
    pub(crate) fn neighbours(&self, body: &[u8]) -> Result<Vec<Neighbour>, TextError> {
        Ok(self.corpus.neighbours(&self.read(text_of(body)?)))
    }

    /// Looks up each word in the dictionary, of 8 texts at once: the dictionary is another's, and shared.
    #[monitored(method = "Spelling", max_concurrency = 8)]
    pub(crate) async fn spelling(&self, body: &[u8]) -> Result<Spelling, TextError> {
        self.spell(&self.read(text_of(body)?)).await
    }

    /// Everything at once.
    #[monitored(method = "Analyse")]
    pub(crate) async fn analyse(&self, body: &[u8]) -> Result<Analysis, TextError> {
        let text = text_of(body)?;
        let words = self.read(text);
        Ok(Analysis {
            statistics: text::statistics(text, &words),
            keywords: self.corpus.keywords(&words, 10)?,
            neighbours: self.corpus.neighbours(&words),
            spelling: self.spell(&words).await?,
        })
    }

    /// Shows a shipped text.
    #[monitored(method = "ShowText")]
    pub(crate) fn show(name: &str) -> Result<&'static str, TextError> {
        Corpus::find(name)
            .map(|text| text.body)
            .ok_or(TextError::UnknownText)
    }

    async fn spell(&self, words: &[String]) -> Result<Spelling, TextError> {
        let asked: BTreeSet<_> = words.iter().map(String::as_str).collect();
        let unknown = self.dictionary.unknown_words(&asked).await?;
        Ok(Spelling {
            words: asked.len(),
            unknown,
        })
    }

    fn read(&self, text: &str) -> Vec<String> {
        let words = split_words(text);
        self.words.add(words.len());
        words
    }
}

/// The text a body holds.
fn text_of(body: &[u8]) -> Result<&str, TextError> {
    if body.len() > MAX_TEXT {
        return Err(TextError::TooLong {
            bytes: body.len(),
            limit: MAX_TEXT,
        });
    }
    let text = std::str::from_utf8(body).map_err(|error| TextError::NotUtf8 {
        valid_up_to: error.valid_up_to(),
    })?;
    checked(text)
}

fn checked(text: &str) -> Result<&str, TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > MAX_TEXT {
        return Err(TextError::TooLong {
            bytes: text.len(),
            limit: MAX_TEXT,
        });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused_for_its_own_reason() {
        assert!(matches!(text_of(b" \n"), Err(TextError::Empty)));
        assert!(matches!(
            text_of(b"ab\xff"),
            Err(TextError::NotUtf8 { valid_up_to: 2 })
        ));
        assert!(matches!(
            text_of(&vec![b'a'; MAX_TEXT + 1]),
            Err(TextError::TooLong { .. })
        ));
        assert!(text_of(&vec![b'a'; MAX_TEXT]).is_ok());
    }

    #[test]
    fn bad_json_names_the_place_and_not_the_input() {
        let error = serde_json::from_slice::<Pair>(br#"{"left": "a", "unreachable": 1}"#)
            .map_err(TextError::from);
        let text = error.expect_err("an unknown field").to_string();
        assert_eq!(text, "bad JSON at line 1, column 27");
    }
}
