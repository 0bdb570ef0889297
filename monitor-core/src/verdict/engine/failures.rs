//! The failures of one method by error type: some types are told apart, and all others have one sum.
//!
//! # Definition
//!
//! [`MAX_TYPES`] types have numbers of their own, and that of panics. Where one more comes it takes the place of one that had
//! no failure for 15 minutes, no finding, and of which no more was learned than the least share that is a finding; where
//! there is none, it counts in the sum of all others, under [`OTHERS`]. So types that are new with each call are found by
//! what they are together.
//!
//! A type may have failed before it had a place, or as one of the others. What is first known of it is therefore no less than
//! what was learned of the others; of the others, no less than what was learned of all types.

use super::evidence::{Evidence, Kind};
use super::method::Now;
use super::normal::Normal;
use super::ring::{RING, Sparse};

/// Error types of one method that are told apart.
const MAX_TYPES: usize = 32;
/// The share of the calls that a type is forgotten with: the least normal share of failures.
const FORGOTTEN: f64 = 0.002;

/// In place of an error type: all that are not told apart.
pub(super) const OTHERS: u32 = u32::MAX;

/// Failures of one type.
#[derive(Debug)]
pub(super) struct Failures {
    pub(super) error_type: u32,
    pub(super) evidence: Evidence,
    pub(super) counts: Sparse,
}

impl Failures {
    fn new(error_type: u32, learned: f64, normal: &Normal, now: &Now<'_>) -> Self {
        let kind = if now.panic == Some(error_type) {
            Kind::Panicked
        } else {
            Kind::Failed
        };
        let mut evidence = Evidence::new(kind, now.number.saturating_sub(1));
        evidence.inherit(learned);
        evidence.settle(normal.total, normal.blocks);
        Self {
            error_type,
            evidence,
            counts: Sparse::default(),
        }
    }

    /// Whether nothing is lost if it is forgotten.
    fn is_idle(&self, normal: &Normal, now: &Now<'_>) -> bool {
        self.error_type != OTHERS
            && self.counts.within(oldest(now), u32::MAX) == 0
            && self.evidence.learned_bad() <= FORGOTTEN * normal.total
    }
}

/// The first slot of the last 15 minutes.
fn oldest(now: &Now<'_>) -> u32 {
    (now.number + 1).saturating_sub(RING)
}

/// The place of an error type, or of those that are not told apart.
pub(super) fn place_of(known: &[Failures], error_type: u32) -> Option<usize> {
    known.iter().position(|one| one.error_type == error_type)
}

/// The place of an error type that has none, or of all others. `is_found` tells of which types there is a finding.
pub(super) fn add(
    known: &mut Vec<Failures>,
    error_type: u32,
    is_found: impl Fn(u32) -> bool,
    normal: &Normal,
    now: &Now<'_>,
) -> usize {
    let others = place_of(known, OTHERS);
    let learned = others.map_or(0.0, |at| known[at].evidence.learned_bad());
    if known.len() < MAX_TYPES || now.panic == Some(error_type) {
        known.push(Failures::new(error_type, learned, normal, now));
        return known.len() - 1;
    }
    let mut idle = known.iter();
    let idle = idle.position(|one| one.is_idle(normal, now) && !is_found(one.error_type));
    if let Some(at) = idle {
        known[at] = Failures::new(error_type, learned, normal, now);
        return at;
    }
    others.unwrap_or_else(|| {
        let all = known.iter().map(|one| one.evidence.learned_bad()).sum();
        known.push(Failures::new(OTHERS, all, normal, now));
        known.len() - 1
    })
}
