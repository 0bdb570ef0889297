//! stub
use std::collections::BTreeSet;

/// Kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Id { E1,E2,E4,E5,E6,E7,E8,E11,C1,C3,C4,C5,C6,C7,C8,S1,S6,S7,S8,S10,S10b,S10c,S13,W1,W4,W5,W6,W7,W9,W10,W11,W12,W14,W15,Types,Zero,Bounds,MethodWord,Del,M1,Collide,H4,H5,Negotiation }
/// Those in force.
#[derive(Debug, Clone, Default)]
pub struct Ours(pub BTreeSet<Id>);
impl Ours {
    /// Whether.
    pub fn has(&self, id: Id) -> bool { self.0.contains(&id) }
}
