//! Bodies that are not written yet.
//@ shape: body that is only `todo!()` / `unimplemented!()`
//@ records: to_do = panic 1
//@ records: to_do_later = panic 1
//@ records: not_implemented = panic 1
//@ records: to_do_opaque = panic 1
//@ fires: unused_variables clippy::todo clippy::unimplemented

use monitor_core::monitored;
use shapes_driver::{block_on, caught};

#[monitored]
fn to_do(x: u8) -> u8 {
    todo!()
}

#[monitored]
async fn to_do_later(x: u8) -> Result<u8, String> {
    todo!()
}

#[monitored]
fn not_implemented(x: u8) -> Result<u8, String> {
    unimplemented!("not yet")
}

#[monitored]
async fn to_do_opaque() -> Vec<Box<dyn Fn() -> u8>> {
    todo!("later")
}

/// Runs it.
pub fn run() -> String {
    let opaque = caught(|| block_on(to_do_opaque()).len());
    let later = caught(|| block_on(to_do_later(1)));
    format!("{}\n{}\n{}\n{}", caught(|| to_do(1)), later, caught(|| not_implemented(1)), opaque)
}
