//! Serves the metrics and health of [`monitor_core`] over HTTP, on a thread of its own.
//!
//! ```
//! use monitor_core::monitored;
//! use monitor_server::MonitorConfig;
//!
//! #[monitored]
//! fn greet(name: &str) -> String {
//!     format!("hello {name}")
//! }
//!
//! // Port 0 is any free port; without the line it is 9999.
//! let config = MonitorConfig::default().port(0);
//! let server = monitor_server::run(config)?;
//! println!("see http://localhost:{}/", server.local_addr().port());
//! greet("world");
//! server.shutdown();
//! # Ok::<(), monitor_server::RunError>(())
//! ```
//!
//! [`run`] starts the process's [`MonitorServer`]. [`MetricServer`] is the same to mount elsewhere, as a warp filter
//! ([`MetricServer::filter`]) or as a `tower` service for axum, tonic and hyper ([`MetricServer::service`]), or as a
//! further server. [`MonitorConfig`] has the settings: their sources and the meaning of each.
//!
//! | route | answer |
//! |---|---|
//! | `/`, `/page.css`, `/page.js`, `/icon.svg` | in a browser (`Accept: text/html`) the live page, which asks `/api/v1/`; at `/` for other clients the list of these paths |
//! | `/metrics` | text 0.0.4 or `OpenMetrics` 1.0.0 as `Accept` asks, gzip as `Accept-Encoding` asks, `name[]`; 503 beyond a limit |
//! | `/livez`, `/-/healthy` | 200 while the process answers and, where the service gives a [`Heartbeat`], while that is fresh; and, with `runtime_timeout`, while its runtimes poll |
//! | `/readyz`, `/-/ready` | 503 before [`MonitorServer::started`] where the service uses it, while draining, and while a marked check or task type is unhealthy; else 200 |
//! | `/startupz` | 503 before [`MonitorServer::started`] where the service uses it; else 200 |
//! | `/health`, `/health/<name>` | JSON of all, or of a group, a check or a task type; 503 while one of them is unhealthy; components and reasons for this machine and with credentials; `application/health+json` as `Accept` asks |
//! | `/verdict` | what is wrong in words: since when, which method, against which normal; for this machine and with credentials |
//! | `/top` | methods, checks and the oldest calls in flight as tables of plain text; likewise |
//! | `/api/v1/..` | history, verdict, methods, calls in flight as JSON (`docs/api.md`), for this machine and with credentials |
//!
//! Paths are exact: anything else is 404. GET and HEAD alone: anything else is 405. Nothing over HTTP changes state.

mod access;
mod api;
#[cfg(feature = "auth")]
mod auth;
mod call_state;
mod config;
mod connection;
mod error;
mod exit_files;
#[cfg(monitor_fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod kept_history;
mod listener;
mod mount;
mod negotiate;
mod observer;
mod page;
mod process;
mod render;
mod routes;
mod run;
mod runtime;
mod self_metrics;
#[cfg(test)]
mod test_folder;
#[cfg(feature = "tls")]
mod tls;
mod web;

pub use config::{Limits, MonitorConfig};
pub use error::{ConfigError, Origin, Place, RunError, SnapshotError, TasksLeft};
pub use health::{Check, HealthState, Heartbeat, Readiness, health_families};
pub use listener::Endpoint;
pub use monitor_core::names::Profile;
pub use mount::{MetricService, ServiceBody};
pub use process::{Service, process_families};
pub use run::{MetricServer, MetricServerHandle, MonitorServer, run};
pub use runtime::drain::DrainError;
pub use runtime::signals::{ShutdownSignals, Signal};
pub use self_metrics::scrape_families;
