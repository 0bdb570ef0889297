//! placeholder crate doc

pub mod config;
pub mod error_parser;
pub mod family;
pub mod key;
pub mod snapshot;
pub mod status;
pub mod value;

pub use monitor_macros::monitored;
pub use status::{Outcome, StatusParser, TaskStatus, UnknownStatus};
