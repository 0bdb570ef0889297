//! Instrumentation for Rust services: one attribute records the calls, errors and durations of a function, and whether
//! its task is healthy.
//!
//! ```
//! use monitor_core::{Monitor, monitored};
//!
//! #[monitored(method = "FirstLetter")]
//! fn first_letter(word: &str) -> Result<char, String> {
//!     word.chars().next().ok_or_else(|| "the word is empty".to_owned())
//! }
//!
//! for word in ["whale", "", "sea"] {
//!     let _ = first_letter(word);
//! }
//!
//! let snapshot = Monitor::global().snapshot();
//! let calls = snapshot.methods.iter().find(|method| &*method.name == "FirstLetter").ok_or("no such method")?;
//! assert_eq!((calls.started, calls.success.count(), calls.failure.count()), (3, 2, 1));
//! assert_eq!(calls.in_flight, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With `monitor_server::run(config)` the same numbers are on `/metrics`. In a unit test, `testing::record` isolates
//! them from other tests.
//!
//! # Contents
//!
//! - [`monitored`]: requests, results, errors by type, calls in flight, durations and a task status, for a function.
//! - [`Monitor`]: the handle on everything recorded; the global one, or one of its own for a test ([`Monitor::scope`]).
//! - [`Method`] and [`CallGuard`]: the same without the macro, for closures, middleware and names known at run time.
//! - [`here`], [`root`]: the current call, taken along to a spawned task or a thread, or left behind.
//! - [`MonitorStorage`]: values by key, task statuses, [`snapshot`](MonitorStorage::snapshot), the calls in flight as a
//!   tree ([`running`](MonitorStorage::running)).
//! - [`MetricDesc`], [`metric`]: counters, gauges and histograms of the user's own, under their own names.
//! - [`Sampler`]: self time by method and by stack of methods, from samples.
//! - [`Outcome`]: how a call ended; [by an HTTP status](Outcome::of_http_status), [by a gRPC code](Outcome::of_grpc_code). With the
//!   features `http` and `tonic` the attribute reads them off returned values.
//! - [`ErrorParser`], [`Health`]: which errors have which type, and how many in a row are unhealthy.
//! - [`timeout_with`], and `timeout` (feature `tokio`): a time limit that is a failure, and no cancelled call.
//! - [`snapshot`], [`family`]: recorded numbers, as plain data.
//! - [`exemplar`]: links from a histogram's bucket to a trace.
//! - [`names`], [`exposition`]: from a snapshot to families, and from families to bytes.
//! - `testing` (feature `testing`): in unit tests, that a call recorded exactly this and nothing else.
//! - [`collector`]: the bridge to the `prometheus` crate.
//!
//! "The original" in these docs is the Python toolkit `redup_servicekit`. This crate keeps its verbs and, in the profile
//! `servicekit`, its metric names.
//!
//! # One copy in a program
//!
//! The global monitor is one for each copy of this crate in a process. Two versions of it among the dependencies
//! (`cargo tree -d` lists them), or a `cdylib` that is loaded at run time, are two copies: each records on its own, and
//! a server shows its own copy alone. Methods that are monitored with the other one are missing from its page.
//! `docs/operations.md`, "Methods that are missing", explains how to detect and fix that.

#[doc(hidden)]
pub mod __private;
mod base;
mod data;
pub mod errors;
mod export;
pub mod health;
pub mod history;
mod metrics;
mod monitor;
mod recording;
mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod timeout;
pub mod verdict;

pub use base::clock::{Clock, ManualClock};
pub use data::buckets::{DEFAULT_BUCKETS, DEFAULT_SIZE_BUCKETS, SIZE_BOUNDS, TIME_BOUNDS};
pub use data::snapshot::ClockSource;
pub use data::status::{DEFAULT_TASK, StatusParser, TaskStatus, UnknownStatus};
pub use data::value::{StatNumber, StatValue};
pub use data::{family, key, slot, snapshot, status, value};
pub use errors::{
    ErrorParser, ErrorRules, ErrorText, ErrorTypeId, ErrorView, MonitorError, NamedView, Outcome,
    RuleError, StatusRule,
};
pub use export::{collector, exposition, names};
pub use health::{
    Component, FailureShare, Health, HealthStatus, ReadinessPolicy, ShareParts, ShareRule,
    Thresholds,
};

pub use metrics::keyed::{Keep, StatCounter, StatsError};
pub use metrics::typed as metric;
pub use metrics::typed::{Counter, Gauge, Histogram, MetricDesc, MetricFamily, RegisterError};
pub use monitor::{LabelError, Method, MethodError, Monitor, Scope, StillRunning};
pub use monitor_macros::{MonitorError, MonitorLabel, monitored};
pub use recording::config::{StorageConfig, Totals};
pub use recording::current::{Here, InCall, Within, here, root};
pub use recording::guard::CallGuard;
pub use recording::label_sets::MonitorLabel;
pub use recording::limit::{Permit, Permits};
pub use recording::site::{MethodSite, SharedMethod};
pub use recording::{config, exemplar};
pub use storage::{MonitorStorage, Sampler, StartUpWarning};
#[cfg(feature = "tokio")]
pub use timeout::timeout;
pub use timeout::{TimeoutError, timeout_with};
