//! An alias of `Result` of the user's own, left early.
//@ shape: user alias of Result under another name, early `return Err`
//@ records: check = ok 1, other 1
//@ records: check_later = ok 1, other 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

/// The result of a check.
pub type Answer<T> = Result<T, Refused>;

/// Why not.
#[derive(Debug)]
pub struct Refused;

#[monitored]
fn check(refuse: bool) -> Answer<u8> {
    if refuse {
        return Err(Refused);
    }
    Ok(1)
}

#[monitored]
async fn check_later(refuse: bool) -> Answer<u8> {
    if refuse {
        return Err(Refused);
    }
    yield_now().await;
    Ok(1)
}

/// Runs it.
pub fn run() -> String {
    let later = block_on(async { (check_later(true).await, check_later(false).await) });
    format!("{:?} {:?} {:?}", check(true), check(false), later)
}
