//! The attribute [`monitored`] of `monitor-core`, which re-exports it: depend on that crate, not on this one.
//!
//! ```
//! use monitor_core::testing::{Recorder, call};
//! use monitor_core::{MonitorError, MonitorLabel, monitored};
//!
//! #[derive(Debug, MonitorError)]
//! #[monitor(error_type = "DECLINED")]
//! struct Declined;
//!
//! #[derive(Clone, Copy, MonitorLabel)]
//! enum Tier {
//!     Free,
//!     Paid,
//! }
//!
//! #[monitored(method = "Charge", labels(tier = tier))]
//! fn charge(tier: Tier, cents: u64) -> Result<(), Declined> {
//!     if cents > 10_000 { Err(Declined) } else { Ok(()) }
//! }
//!
//! let recorder = Recorder::builder().errors("ERROR", ["DECLINED"]).build();
//! let _ = recorder.scope_sync(|| (charge(Tier::Free, 500), charge(Tier::Paid, 20_000)));
//! recorder.recorded().assert_exactly([
//!     call("Charge").label("tier", "free").success(),
//!     call("Charge").label("tier", "paid").failure("DECLINED"),
//! ]);
//! ```
//!
//! # How an attribute is expanded
//!
//! An attribute goes through these modules: `parse` reads its arguments, `item` the item under it, `shape` decides how
//! a function is wrapped, `validate` checks all of it and collects every fault, `expand` writes the function. If
//! anything is at fault, `fallback` gives the errors and the item as it was. `attribute` is the order of these steps,
//! `derive` has the derives, and `tokens` handles the fragments of a `macro_rules!`.

mod attribute;
mod derive;
mod expand;
mod fallback;
mod item;
mod parse;
mod shape;
#[cfg(all(test, not(feature = "off")))]
mod tests;
mod tokens;
mod validate;

use proc_macro::TokenStream;

/// Whether the feature `off` is on, as a literal: any dependency may set it on this crate, and `monitor-core` would not
/// know.
#[doc(hidden)]
#[proc_macro]
pub fn is_off(_: TokenStream) -> TokenStream {
    let is_off = attribute::IS_OFF;
    quote::quote!(#is_off).into()
}

#[doc = include_str!("monitored.md")]
#[doc(alias = "grpc_init_wrapper")]
#[doc(alias = "aio_grpc_method_wrapper")]
#[proc_macro_attribute]
pub fn monitored(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute::monitored(args.into(), item.into()).into()
}

/// Gives an error a type of its own, so that no rule has to find the type in the error's text.
///
/// On enums and structs; type parameters and `where` clauses are kept.
///
/// | `#[monitor(..)]` | on | meaning |
/// |---|---|---|
/// | `error_type = "name"` | variant, struct | its error type: 1 to 120 bytes |
/// | `status = CONNECTION_ERROR` | variant, struct | the status that its error type sets, if the configuration does not list the type: `CONNECTION_ERROR`, `FATAL`, `INTERNAL`, `UNKNOWN`, `OK`; if not given, `OTHER_EXCEPTION` |
/// | `expected` | variant, struct | failures of its error type are counted, but say nothing about health: they set no status, in any method |
/// | `transparent` | variant, struct with one field | the type is that of the field, which is a `MonitorError` too |
/// | `fallback = "name"` | enum | the type of variants without one; if not given, the configured rules decide |
/// | `crate = path` | type | where `monitor_core` is found, if not under its own name |
///
/// The types exist from the start of the program, in every method, without a line in the configuration; of more than 256
/// that code names, the first by name. A variant with `status` or `expected` and without `error_type` has its name as its
/// type, in `snake_case`: `NotFound` is `not_found`. `status` and `expected` are those of the type: all variants that name it share them. Where two
/// derives give one type different statuses, the first of `CONNECTION_ERROR`, `FATAL`, `INTERNAL`, `OTHER_EXCEPTION`,
/// `UNKNOWN` holds. A configuration that lists the type under `errors` sets the status in place of the derive; `other`,
/// `panic` and `cancelled` keep their own.
///
/// An error that is a std error has its type inside of others too: in `anyhow::Error`, `Box<dyn Error>`, `Arc<dyn
/// Error>` and `io::Error`, and as a source at any depth up to 64. The outermost that names a type goes first, and any
/// goes before the configured words. Not seen: a type with parameters, an implementation of `MonitorError` by hand, the
/// field of a `transparent` variant of `thiserror` (derive `MonitorError` for it as well), a context of `anyhow`, and
/// the outermost error in a `Box<dyn Error>` or `Arc<dyn Error>` that may borrow, though its sources are: one with a
/// lifetime in its type (`Box<dyn Error + 'a>`), also behind an alias, and one of a trait's type (`Self::Error`,
/// `T::Error`), in which a lifetime cannot be seen.
///
/// # Examples
///
/// ```
/// use monitor_core::testing::{Recorder, call};
/// use monitor_core::{MonitorError, monitored};
///
/// #[derive(MonitorError)]
/// enum LoadError {
///     #[monitor(error_type = "NOT_FOUND")]
///     NotFound { key: String },
///     #[monitor(transparent)]
///     Disk(DiskError),
///     Unknown,
/// }
///
/// #[derive(MonitorError)]
/// #[monitor(fallback = "DISK")]
/// enum DiskError {
///     Full,
///     #[monitor(error_type = "TIMEOUT")]
///     Slow,
/// }
///
/// assert_eq!(LoadError::Disk(DiskError::Full).error_type(), Some("DISK"));
/// assert_eq!(LoadError::Disk(DiskError::Slow).error_type(), Some("TIMEOUT"));
/// assert_eq!(LoadError::Unknown.error_type(), None);
///
/// #[monitored]
/// fn load_by_key(key: &str) -> Result<(), LoadError> {
///     Err(LoadError::NotFound { key: key.to_owned() })
/// }
///
/// let recorder = Recorder::builder().errors("ERROR", ["NOT_FOUND"]).build();
/// assert!(recorder.scope_sync(|| load_by_key("x")).is_err());
/// recorder.recorded().assert_exactly([call("load_by_key").failure("NOT_FOUND")]);
/// ```
///
/// Without any configuration, with a status and an expected failure:
///
/// ```
/// use monitor_core::testing::{self, call, task};
/// use monitor_core::{MonitorError, TaskStatus, monitored};
///
/// #[derive(MonitorError)]
/// enum StoreError {
///     #[monitor(error_type = "db_io", status = CONNECTION_ERROR)]
///     Unreachable,
///     #[monitor(expected)]
///     NotFound,
/// }
///
/// #[monitored]
/// fn find(error: StoreError) -> Result<(), StoreError> {
///     Err(error)
/// }
///
/// let (_, recorded) = testing::record(|| (find(StoreError::Unreachable), find(StoreError::NotFound)));
/// recorded.assert_exactly([
///     call("find").failure("db_io"),
///     call("find").failure("not_found"),
///     task("find", TaskStatus::ConnectionError),
///     task("default", TaskStatus::ConnectionError),
/// ]);
/// ```
///
/// In a box:
///
/// ```
/// use std::error::Error;
/// use std::fmt;
///
/// use monitor_core::testing::{Recorder, call};
/// use monitor_core::{MonitorError, monitored};
///
/// #[derive(Debug, MonitorError)]
/// #[monitor(error_type = "DISK")]
/// struct DiskFull;
///
/// impl fmt::Display for DiskFull {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("no space left")
///     }
/// }
///
/// impl Error for DiskFull {}
///
/// #[monitored]
/// fn save() -> Result<(), Box<dyn Error>> {
///     Err(DiskFull.into())
/// }
///
/// let recorder = Recorder::builder().errors("ERROR", ["DISK"]).build();
/// assert!(recorder.scope_sync(save).is_err());
/// recorder.recorded().assert_exactly([call("save").failure("DISK")]);
/// ```
#[proc_macro_derive(MonitorError, attributes(monitor))]
pub fn derive_monitor_error(item: TokenStream) -> TokenStream {
    derive::error(item.into()).into()
}

/// Makes an enum without fields a label with a closed set of values: `#[monitored(labels(tier = req.tier))]`.
///
/// The value of a variant is its name in `snake_case`, `PaidMonthly` is `paid_monthly`. Each has one of its own, which
/// is not `overflow`.
///
/// | `#[monitor(..)]` | on | meaning |
/// |---|---|---|
/// | `name = "value"` | variant | its value: 1 to 120 bytes |
/// | `crate = path` | type | where `monitor_core` is found, if not under its own name |
///
/// # Examples
///
/// ```
/// use monitor_core::MonitorLabel;
///
/// #[derive(MonitorLabel)]
/// enum Tier {
///     Free,
///     PaidMonthly,
///     #[monitor(name = "gold")]
///     PaidForLife,
/// }
///
/// assert_eq!(Tier::VALUES, ["free", "paid_monthly", "gold"]);
/// assert_eq!(Tier::PaidForLife.index(), 2);
/// ```
#[proc_macro_derive(MonitorLabel, attributes(monitor))]
pub fn derive_monitor_label(item: TokenStream) -> TokenStream {
    derive::label(item.into()).into()
}
