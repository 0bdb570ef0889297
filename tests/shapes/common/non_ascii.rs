//! Identifiers beyond ASCII.
//@ shape: non-ASCII identifiers
//@ records: größe = ok 1
//@ records: später = other 1
//@ fires: non_ascii_idents

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn größe(länge: u8) -> u32 {
    länge.count_ones()
}

#[monitored]
async fn später(länge: u8) -> Result<u8, String> {
    yield_now().await;
    länge.checked_sub(9).ok_or_else(|| "zu früh".to_owned())
}

/// Runs it.
pub fn run() -> String {
    format!("{} {:?}", größe(3), block_on(später(3)))
}
