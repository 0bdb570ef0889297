//! Names: `method` on a function; `prefix`, `only_pub` and `skip` on an impl block.
//!
//! Prints:
//!
//! ```text
//! 1 x CountWords success
//! 1 x Find success
//! 1 x Index::get success
//! 2 x Texts::add success
//! 1 x trim success
//! ```

use monitor_core::{monitored, testing};

/// Without a name it is the function's.
#[monitored]
fn trim(text: &str) -> &str {
    text.trim()
}

#[monitored(method = "CountWords")]
fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[derive(Default)]
struct Corpus(Vec<String>);

/// Each public method is `Texts::name`; without `prefix` it would be `Corpus::name`.
#[monitored(prefix = "Texts", only_pub)]
#[expect(
    unreachable_pub,
    reason = "a program has no users, but `only_pub` goes by it"
)]
impl Corpus {
    pub fn add(&mut self, text: &str) {
        self.push(trim_end(text));
    }

    /// Its own attribute has priority over that of the block.
    #[monitored(method = "Find")]
    pub fn find(&self, word: &str) -> Option<&String> {
        self.0.iter().find(|text| text.contains(word))
    }

    /// Not worth a measurement.
    #[monitored(skip)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Not public, so left alone.
    fn push(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }
}

fn trim_end(text: &str) -> &str {
    text.trim_end()
}

struct Index<T>(Vec<T>);

#[monitored]
impl<T> Index<T> {
    fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at)
    }
}

fn main() {
    let ((), recorded) = testing::record(|| {
        assert_eq!(trim(" whale "), "whale");
        assert_eq!(count_words("call me Ishmael"), 3);
        let mut corpus = Corpus::default();
        corpus.add("call me Ishmael\n");
        corpus.add("some years ago\n");
        assert!(corpus.find("years").is_some());
        assert_eq!(corpus.len(), 2);
        assert_eq!(Index(vec!['a', 'b']).get(1), Some(&'b'));
    });
    print!("{recorded}");
}
