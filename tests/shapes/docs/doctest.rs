//! Functions in documentation.
//!
//! ```
//! use monitor_core::monitored;
//!
//! #[monitored]
//! fn halve(x: u8) -> Result<u8, String> {
//!     if x % 2 == 1 {
//!         return Err(format!("{x} is odd"));
//!     }
//!     Ok(x / 2)
//! }
//!
//! #[monitored]
//! async fn halve_later(x: u8) -> Result<u8, String> {
//!     shapes_driver::yield_now().await;
//!     let half = halve(x)?;
//!     Ok(half)
//! }
//!
//! fn run() -> String {
//!     let later = shapes_driver::block_on(halve_later(3));
//!     format!("{:?} {later:?} {:?}", halve(4), halve(1))
//! }
//!
//! shapes_driver::main(&[("doctest", run)]);
//! ```
//@ shape: functions in doctests
//@ records: halve = ok 1, other 2
//@ records: halve_later = other 1
