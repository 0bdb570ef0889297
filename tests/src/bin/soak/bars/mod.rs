//! The bars, each with its attack.

pub(crate) mod descriptors;
pub(crate) mod garbage;
pub(crate) mod life;
pub(crate) mod matrix;
pub(crate) mod passwords;
pub(crate) mod shared;
pub(crate) mod slow;
pub(crate) mod sources;
pub(crate) mod stalls;

/// Lines of the reference page.
pub(crate) const LINES: &str = "lines=11000";

/// Most connections, by default.
pub(crate) const CAP: usize = 256;

pub(crate) fn options(of: &[&str]) -> Vec<String> {
    of.iter().map(ToString::to_string).collect()
}
