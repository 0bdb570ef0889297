//! Numbers of the user's own: by key, and typed under their own names.

pub(crate) mod keyed;
pub mod typed;
