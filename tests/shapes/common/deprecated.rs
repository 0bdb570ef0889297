//! Documentation and deprecation stay.
//@ shape: doc comment plus deprecated, missing_docs denied
//@ records: old = ok 1
//@ records: old_later = ok 1
//@ fires: deprecated missing_docs

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

/// Documented.
#[deprecated = "too old"]
#[monitored]
pub fn old(x: u8) -> u32 {
    x.count_ones()
}

/// Documented.
#[monitored]
#[deprecated(since = "1.0.0", note = "too old")]
pub async fn old_later(x: u8) -> u8 {
    yield_now().await;
    x
}

#[monitored]
pub fn undocumented(x: u8) -> u32 {
    x.count_ones()
}

/// Runs it.
pub fn run() -> String {
    format!("{} {}", old(3), block_on(old_later(1)))
}
