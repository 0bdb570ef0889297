//! Two attributes that both wrap the body.
//@ shape: two stacked attributes (`monitored` + `instrument`, either order)
//@ not: hostile
//@ records: above = ok 1, other 1
//@ records: below = ok 1, other 1
//@ records: above_later = ok 1, other 1
//@ records: below_later = ok 1, other 1

use monitor_core::monitored;
use shapes_driver::{block_on, send, yield_now};
use tracing::instrument;

#[monitored]
#[instrument]
fn above(x: u8) -> Result<u8, String> {
    let more = x.checked_add(1).ok_or("too much")?;
    Ok(more)
}

#[instrument]
#[monitored]
fn below(x: u8) -> Result<u8, String> {
    let more = x.checked_add(1).ok_or("too much")?;
    Ok(more)
}

#[monitored]
#[instrument(skip(x))]
async fn above_later(x: u8) -> Result<u8, String> {
    yield_now().await;
    let more = x.checked_add(1).ok_or("too much")?;
    Ok(more)
}

#[instrument(skip(x))]
#[monitored]
async fn below_later(x: u8) -> Result<u8, String> {
    yield_now().await;
    let more = x.checked_add(1).ok_or("too much")?;
    Ok(more)
}

/// Runs it.
pub fn run() -> String {
    let now = (above(1), above(255), below(1), below(255));
    let later = block_on(async {
        let above = (send(above_later(1)).await, above_later(255).await);
        (above, send(below_later(1)).await, below_later(255).await)
    });
    format!("{:?} {:?}", now, later)
}
