//! Which requests the load sends: good ones over the shipped texts, bad ones of every kind.

use serde_json::json;

use crate::client::Request;
use crate::corpus::TEXTS;
use crate::service::MAX_TEXT;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Statistics,
    Keywords,
    Similarity,
    Neighbours,
    Spelling,
    Analyse,
    ShowText,
    EmptyText,
    NotUtf8,
    TooLong,
    BadJson,
    UnknownText,
    /// The client hangs up at once, so the service may find its call dropped.
    HangUp,
}

/// How many of 100 requests are of a kind.
const SHARES: [(Kind, u32); 13] = [
    (Kind::Statistics, 24),
    (Kind::Keywords, 15),
    (Kind::Similarity, 12),
    (Kind::Neighbours, 8),
    (Kind::Spelling, 14),
    (Kind::Analyse, 8),
    (Kind::ShowText, 5),
    (Kind::EmptyText, 4),
    (Kind::NotUtf8, 3),
    (Kind::TooLong, 2),
    (Kind::BadJson, 2),
    (Kind::UnknownText, 2),
    (Kind::HangUp, 1),
];

/// An endless, repeatable mixture of requests.
#[derive(Debug)]
pub(crate) struct Mixture {
    state: u64,
    /// The one kind, where there is only one.
    only: Option<Kind>,
}

impl Mixture {
    /// The same requests each time.
    pub(crate) fn new() -> Self {
        Self {
            state: 0x9e37_79b9_7f4a_7c15,
            only: None,
        }
    }

    /// Requests of one kind.
    pub(crate) fn of(kind: Kind) -> Self {
        Self {
            only: Some(kind),
            ..Self::new()
        }
    }

    /// The next request and its kind.
    pub(crate) fn draw(&mut self) -> (Kind, Request) {
        let kind = self.only.unwrap_or_else(|| self.kind());
        (kind, self.request(kind))
    }

    fn kind(&mut self) -> Kind {
        let mut left = self.below(100);
        for (kind, share) in SHARES {
            if left < u64::from(share) {
                return kind;
            }
            left -= u64::from(share);
        }
        Kind::Statistics
    }

    fn request(&mut self, kind: Kind) -> Request {
        match kind {
            Kind::Statistics => post("/statistics", self.passage()),
            Kind::Keywords => post("/keywords?limit=5", self.passage()),
            Kind::Similarity => {
                let pair = json!({ "left": self.passage(), "right": self.passage() });
                post("/similarity", pair.to_string())
            }
            Kind::Neighbours => post("/neighbours", self.passage()),
            Kind::Spelling => post("/spelling", self.passage() + " and a wahle"),
            Kind::Analyse | Kind::HangUp => post("/analyse", self.passage()),
            Kind::ShowText => get(format!("/texts/{}", self.pick(&TEXTS).name)),
            Kind::EmptyText => post("/statistics", " \n"),
            Kind::NotUtf8 => post("/keywords", b"caf\xe9 au lait"),
            Kind::TooLong => post("/neighbours", "whale ".repeat(MAX_TEXT / 6 + 1)),
            Kind::BadJson => post("/similarity", r#"{"left": "only one""#),
            Kind::UnknownText => get("/texts/necronomicon".to_owned()),
        }
    }

    /// Twenty to a hundred words in a row from a shipped text.
    fn passage(&mut self) -> String {
        let words: Vec<_> = self.pick(&TEXTS).body.split_whitespace().collect();
        let start = self.index(words.len() - 20);
        let length = 20 + self.index(80);
        words
            .into_iter()
            .skip(start)
            .take(length)
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.index(items.len())]
    }

    fn index(&mut self, below: usize) -> usize {
        usize::try_from(self.below(below as u64)).unwrap_or_default()
    }

    /// Xorshift (Marsaglia 2003): nothing here needs better randomness.
    fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % limit
    }
}

fn post(path: &str, body: impl Into<Vec<u8>>) -> Request {
    Request {
        method: "POST",
        path: path.to_owned(),
        body: body.into(),
    }
}

fn get(path: String) -> Request {
    Request {
        method: "GET",
        path,
        body: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_a_hundred() {
        assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u32>(), 100);
    }

    #[test]
    fn each_kind_comes_up() {
        let mut mixture = Mixture::new();
        let drawn: Vec<_> = (0..2000).map(|_| mixture.draw().0).collect();
        for (kind, _) in SHARES {
            assert!(drawn.contains(&kind), "{kind:?}");
        }
    }
}
