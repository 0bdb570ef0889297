//! Bodies that are one macro, which returns.
//@ shape: anyhow result whose body is one bail macro
//@ records: bail = other 1
//@ records: bail_later = other 1
//@ records: ensure = ok 1, other 1

use monitor_core::monitored;
use shapes_driver::{block_on, size};

#[monitored]
fn bail() -> anyhow::Result<()> {
    anyhow::bail!("no")
}

#[monitored]
async fn bail_later() -> anyhow::Result<()> {
    anyhow::bail!("no, later")
}

#[monitored]
fn ensure(fine: bool) -> anyhow::Result<u8> {
    anyhow::ensure!(fine, "not fine: {}", fine);
    Ok(1)
}

/// Runs it.
pub fn run() -> String {
    let later = block_on(size("bail_later", bail_later()));
    format!("{:?} {:?} {:?} {:?}", bail(), later, ensure(true), ensure(false))
}
