//! Keys of the value plane: `name___label__value___label__value`, parsed once.

/// A parsed key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StatKey {
    /// The key as written.
    pub raw: Box<str>,
    /// The name as written (before sanitising).
    pub name: Box<str>,
    /// Labels in the order written; names as written.
    pub labels: Vec<(Box<str>, Box<str>)>,
}
impl StatKey {
    pub fn parse(raw: &str) -> Self {
        Self {
            raw: raw.into(),
            name: raw.into(),
            labels: Vec::new(),
        }
    }
}
