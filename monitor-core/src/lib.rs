//! placeholder crate doc

pub mod config;
pub mod error_parser;
pub mod family;
pub mod health;
pub mod key;
pub mod snapshot;
pub mod status;
pub mod value;

pub use error_parser::{
    ErrorParser, ErrorRules, ErrorText, ErrorTypeId, ErrorView, RuleError, StatusRule,
};
pub use health::{Component, Health, Thresholds};
pub use monitor_macros::monitored;
pub use status::{Outcome, StatusParser, TaskStatus, UnknownStatus};
