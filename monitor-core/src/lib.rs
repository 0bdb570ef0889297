//! Instrumentation for Rust services: one attribute gives a function everything an operator needs.
//!
//! - [`monitored`]: requests, results, errors by type, tasks in flight, durations and a task status, for a function.
//! - [`Monitor`]: the handle on everything recorded; the global one, or one of its own for a test ([`Monitor::scope`]).
//! - [`Method`] and [`CallGuard`]: the same without the macro, for closures, middleware and names known at run time.
//! - [`MonitorStorage`]: values by key, task statuses, [`snapshot`](MonitorStorage::snapshot).
//! - [`MetricDesc`], [`metric`]: counters, gauges and histograms of the user's own, under their own names.
//! - [`ErrorParser`], [`Health`]: which errors are of which type, and when that is an illness.
//! - [`snapshot`], [`family`]: what was recorded, as plain data.
//! - [`exemplar`]: what leads from a histogram's bucket to a trace.
//! - [`names`], [`exposition`]: from a snapshot to families, and from families to bytes.
//! - [`testing`]: in unit tests, that a call recorded exactly this and nothing else.
//! - [`collector`]: the bridge to the `prometheus` crate.
//!
//! `monitor-server` puts it on the wire.
//!
//! # One copy in a program
//!
//! The global monitor is one for each copy of this crate in a process. Two versions of it among the dependencies (`cargo tree -d`
//! lists them), or a `cdylib` that is loaded at run time, are two copies: each records on its own, and a server shows what its own
//! copy has. Methods that are monitored with the other one are missing from its page. `docs/operations.md`, "Methods that are
//! missing", says how to find out, and what can be done.

#[doc(hidden)]
pub mod __private;
mod buckets;
mod call;
mod chunked;
mod clock;
pub mod collector;
pub mod config;
pub mod error_parser;
pub mod exemplar;
pub mod exposition;
pub mod family;
pub mod health;
mod interner;
pub mod key;
mod latest;
#[cfg(all(test, not(monitor_loom)))]
mod logged;
mod method;
pub mod metric;
#[cfg(all(test, monitor_loom))]
mod models;
mod monitor;
pub mod names;
mod permits;
pub mod snapshot;
mod stats;
pub mod status;
mod storage;
mod sync;
pub mod testing;
pub mod value;
mod window;

pub use buckets::{SIZE_BOUNDS, TIME_BOUNDS};
pub use call::guard::CallGuard;
pub use call::labels::MonitorLabel;
pub use call::settings::SharedMethod;
pub use clock::{Clock, ClockSource, ManualClock};
pub use config::StorageConfig;
pub use error_parser::{
    ErrorParser, ErrorRules, ErrorText, ErrorTypeId, ErrorView, MonitorError, RuleError, StatusRule,
};
pub use health::{Component, Health, HealthStatus, Marks, Thresholds};
pub use method::{LabelError, Method, MethodError};
pub use metric::{Counter, Gauge, Histogram, MetricDesc, MetricFamily, RegisterError};
pub use monitor::{Monitor, Scope, StillRunning};
pub use monitor_macros::{MonitorError, MonitorLabel, monitored};
pub use permits::{Permit, Permits};
pub use stats::{Keep, StatCounter, StatsError};
pub use status::{Outcome, StatusParser, TaskStatus, UnknownStatus};
pub use storage::{MonitorStorage, StartUpWarning};
pub use value::{StatNumber, StatValue};

/// The task type that all calls feed.
pub const DEFAULT_TASK: &str = "default";
