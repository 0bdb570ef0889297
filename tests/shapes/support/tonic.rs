//! Re-exports the attribute as the crate of this name does.

pub use async_trait::async_trait;
