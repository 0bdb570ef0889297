//! The closed set of error types, and their look-up by name.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::ErrorTypeId;
use super::rules::is_searched;
use super::words::Words;
use crate::data::status::TaskStatus;

/// Error types by name.
pub(super) type ByName = HashMap<Arc<str>, ErrorTypeId, BuildHasherDefault<NameHasher>>;

/// The types of a parser to be.
#[derive(Default)]
pub(super) struct Types {
    pub(super) names: Vec<Arc<str>>,
    /// Parallel to `names`.
    pub(super) statuses: Vec<TaskStatus>,
    pub(super) by_name: ByName,
}

impl Types {
    /// The type `name`, with `status` if it is new: of two statuses that list a word, the first decides.
    pub(super) fn add(&mut self, name: &str, status: TaskStatus) -> ErrorTypeId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = ErrorTypeId::from_index(self.names.len());
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.statuses.push(status);
        self.by_name.insert(name, id);
        id
    }

    /// An automaton of the types so far, ranked by their indices.
    pub(super) fn words(&self) -> Words {
        let ranked = self
            .names
            .iter()
            .enumerate()
            .map(|(rank, name)| (&**name, rank));
        Words::new(ranked.filter(|(name, _)| is_searched(name)))
    }
}

/// Hashes the length, the first and the last bytes of a name.
///
/// A failure of a known type looks its name up, and has 18 ns in all. Neither the names nor what is looked up come from
/// outside the program, so there is nobody to make them collide.
#[derive(Default)]
pub(super) struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, name: &[u8]) {
        let (first, last) = ends(name);
        self.0 = mix(first ^ self.0, last.rotate_left(29) ^ name.len() as u64);
    }

    /// The mark that `str` hashes at its end: a name is all there is in a key.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The first and the last bytes of a name as numbers; they overlap, so that all bytes count up to a length of 16.
fn ends(name: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (
            u32::from_le_bytes(*first).into(),
            u32::from_le_bytes(*last).into(),
        )
    } else if let (Some(&first), Some(&last)) = (name.first(), name.last()) {
        (
            u64::from(first) | u64::from(name[name.len() / 2]) << 8,
            last.into(),
        )
    } else {
        (0, 0)
    }
}

/// Both halves of a 128-bit product, so that each bit of the input reaches the top and the bottom of the hash. The
/// constants are the first digits of pi, as any without a pattern would do.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves are what is wanted"
)]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x243f_6a88_85a3_08d3) * u128::from(b ^ 0x1319_8a2e_0370_7344);
    product as u64 ^ (product >> 64) as u64
}
