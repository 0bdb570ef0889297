//! The shipped texts, and measures of another text against them: keywords and likeness by TF-IDF.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use monitor_core::monitored;
use serde::Serialize;

use crate::error::TextError;
use crate::incident::{Faults, Incident, SLOW_DISK};
use crate::text::{split_words, term_counts};

/// A text shipped with the program; all are in the public domain (`examples/data/README.md`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShippedText {
    pub name: &'static str,
    pub body: &'static str,
}

/// All shipped texts.
pub(crate) const TEXTS: [ShippedText; 6] = [
    ShippedText {
        name: "alice",
        body: include_str!("../../../data/alice.txt"),
    },
    ShippedText {
        name: "gettysburg",
        body: include_str!("../../../data/gettysburg.txt"),
    },
    ShippedText {
        name: "moby-dick",
        body: include_str!("../../../data/moby-dick.txt"),
    },
    ShippedText {
        name: "pride",
        body: include_str!("../../../data/pride.txt"),
    },
    ShippedText {
        name: "sonnet18",
        body: include_str!("../../../data/sonnet18.txt"),
    },
    ShippedText {
        name: "two-cities",
        body: include_str!("../../../data/two-cities.txt"),
    },
];

/// A word that sets a text apart.
#[derive(Debug, Serialize, PartialEq)]
pub(crate) struct Keyword {
    /// The word.
    pub word: String,
    /// How often the text has it.
    pub count: u32,
    /// `count` times how rare the word is in the shipped texts.
    pub weight: f64,
}

/// How like a shipped text is.
#[derive(Debug, Serialize, PartialEq)]
pub(crate) struct Neighbour {
    /// The shipped text.
    pub name: &'static str,
    /// From 0 (no term in common) to 1.
    pub similarity: f64,
}

/// Weights by term.
type Vector = BTreeMap<String, f64>;

/// The shipped texts, indexed.
#[derive(Debug)]
pub(crate) struct Corpus {
    /// In how many texts a term occurs.
    frequency: HashMap<String, u32>,
    /// Each text's weighted terms.
    vectors: Vec<(&'static str, Vector)>,
    faults: Faults,
}

impl Corpus {
    /// Indexes the shipped texts.
    #[monitored(method = "IndexCorpus")]
    pub(crate) fn new(faults: Faults) -> Self {
        let words: Vec<_> = TEXTS
            .iter()
            .map(|text| (text.name, split_words(text.body)))
            .collect();
        let mut frequency = HashMap::new();
        for term in words
            .iter()
            .flat_map(|(_, words)| term_counts(words).into_keys())
        {
            *frequency.entry(term.to_owned()).or_default() += 1;
        }
        let mut corpus = Self {
            frequency,
            vectors: Vec::new(),
            faults,
        };
        corpus.vectors = words
            .iter()
            .map(|(name, words)| (*name, corpus.vector(words)))
            .collect();
        corpus
    }

    /// A shipped text.
    pub(crate) fn find(name: &str) -> Option<ShippedText> {
        TEXTS.into_iter().find(|text| text.name == name)
    }

    /// All words of the shipped texts: the dictionary's words.
    pub(crate) fn vocabulary() -> BTreeSet<String> {
        TEXTS
            .iter()
            .flat_map(|text| split_words(text.body))
            .collect()
    }

    /// The `limit` words that weigh most, the heaviest first, then by the alphabet.
    #[monitored(method = "RankKeywords")]
    pub(crate) fn keywords(
        &self,
        words: &[String],
        limit: usize,
    ) -> Result<Vec<Keyword>, TextError> {
        if self.faults.damages_index() {
            return Err(TextError::Index);
        }
        let mut keywords: Vec<_> = term_counts(words)
            .into_iter()
            .map(|(word, count)| Keyword {
                word: word.to_owned(),
                count,
                weight: f64::from(count) * self.rarity(word),
            })
            .collect();
        keywords.sort_by(|a, b| {
            b.weight
                .total_cmp(&a.weight)
                .then_with(|| a.word.cmp(&b.word))
        });
        keywords.truncate(limit);
        Ok(keywords)
    }

    /// How like two texts are: the cosine of their weighted terms, from 0 (no term in common) to 1.
    #[monitored(method = "CompareWords")]
    pub(crate) fn similarity(&self, left: &[String], right: &[String]) -> f64 {
        cosine(&self.vector(left), &self.vector(right))
    }

    /// All shipped texts, the likest first.
    #[monitored(method = "RankNeighbours")]
    pub(crate) fn neighbours(&self, words: &[String]) -> Vec<Neighbour> {
        if self.faults.is(Incident::Latency) {
            // The runtime moves its other tasks to another thread meanwhile, so that only this method is slow.
            tokio::task::block_in_place(|| std::thread::sleep(SLOW_DISK));
        }
        let vector = self.vector(words);
        let mut neighbours: Vec<_> = self
            .vectors
            .iter()
            .map(|(name, other)| Neighbour {
                name,
                similarity: cosine(&vector, other),
            })
            .collect();
        neighbours.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        neighbours
    }

    fn vector(&self, words: &[String]) -> Vector {
        let counts = term_counts(words).into_iter();
        counts
            .map(|(term, count)| (term.to_owned(), f64::from(count) * self.rarity(term)))
            .collect()
    }

    /// Inverse document frequency, smoothed so that an unknown term has a finite weight:
    /// `ln((1 + texts) / (1 + texts with the term)) + 1`.
    fn rarity(&self, term: &str) -> f64 {
        let texts = u32::try_from(TEXTS.len()).map_or(f64::INFINITY, f64::from);
        let with_term = f64::from(self.frequency.get(term).copied().unwrap_or_default());
        ((1.0 + texts) / (1.0 + with_term)).ln() + 1.0
    }
}

fn cosine(left: &Vector, right: &Vector) -> f64 {
    let common = left
        .iter()
        .filter_map(|(term, weight)| Some(weight * right.get(term)?));
    // Not `sum`: the sum of no terms is -0.0.
    let dot = common.fold(0.0, |dot, product| dot + product);
    let norms = norm(left) * norm(right);
    if norms == 0.0 {
        0.0
    } else {
        (dot / norms).min(1.0)
    }
}

fn norm(vector: &Vector) -> f64 {
    vector
        .values()
        .map(|weight| weight * weight)
        .sum::<f64>()
        .sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(name: &str) -> Vec<String> {
        split_words(Corpus::find(name).map_or("", |text| text.body))
    }

    #[test]
    fn a_text_is_like_itself_and_unlike_one_without_common_terms() {
        let corpus = Corpus::new(Faults::default());
        let alice = words_of("alice");
        assert!((corpus.similarity(&alice, &alice) - 1.0).abs() < 1e-12);
        assert!(
            corpus
                .similarity(&alice, &split_words("xylophone zebra"))
                .abs()
                < f64::EPSILON
        );
    }

    #[test]
    fn similarity_does_not_depend_on_the_order() {
        let corpus = Corpus::new(Faults::default());
        let (alice, pride) = (words_of("alice"), words_of("pride"));
        assert!(
            (corpus.similarity(&alice, &pride) - corpus.similarity(&pride, &alice)).abs() < 1e-12
        );
    }

    #[test]
    fn each_shipped_text_is_its_own_nearest_neighbour() {
        let corpus = Corpus::new(Faults::default());
        for text in TEXTS {
            let neighbours = corpus.neighbours(&split_words(text.body));
            assert_eq!(
                neighbours.first().map(|nearest| nearest.name),
                Some(text.name)
            );
        }
    }

    #[test]
    fn keywords_say_what_a_text_is_about() {
        let corpus = Corpus::new(Faults::default());
        let keywords = corpus
            .keywords(&words_of("alice"), 5)
            .expect("a whole index");
        assert_eq!(keywords.len(), 5);
        assert!(
            keywords
                .iter()
                .any(|keyword| keyword.word == "alice" && keyword.count == 6),
            "{keywords:?}"
        );
    }

    #[test]
    fn texts_without_terms_have_no_keywords_and_no_likeness() {
        let corpus = Corpus::new(Faults::default());
        assert_eq!(
            corpus.keywords(&split_words("the and of"), 5).ok(),
            Some(vec![])
        );
        assert!(corpus.similarity(&[], &[]).abs() < f64::EPSILON);
    }
}
