//! An error that implements nothing.
//@ shape: error type with no Debug/Display
//@ records: refuse = ok 1, other 1
//@ fires: missing_debug_implementations

use monitor_core::monitored;

/// No trait at all.
pub struct Refused;

/// Refuses.
///
/// # Errors
///
/// If asked to.
#[monitored]
pub fn refuse(refuse: bool) -> Result<u8, Refused> {
    if refuse { Err(Refused) } else { Ok(1) }
}

/// Runs it.
pub fn run() -> String {
    format!("{} {}", refuse(true).is_err(), refuse(false).is_err())
}
