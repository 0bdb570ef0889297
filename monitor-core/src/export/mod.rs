//! From a snapshot to families and bytes.

pub mod collector;
pub mod exposition;
pub mod names;
