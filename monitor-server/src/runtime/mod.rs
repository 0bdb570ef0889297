//! What a server runs on.

pub(crate) mod log;
pub(crate) mod pool;
