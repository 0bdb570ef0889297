//! Attributes of the compiler's, together.
//@ shape: track_caller, inline, cold, must_use together (compiles)
//@ records: place = ok 1
//@ records: checked = ok 1, panic 1
//@ fires: unused_must_use

use std::panic::Location;

use monitor_core::monitored;
use shapes_driver::caught;

#[monitored]
#[cold]
#[must_use]
#[inline(never)]
#[track_caller]
fn place() -> &'static Location<'static> {
    Location::caller()
}

/// Checks.
#[track_caller]
#[inline]
#[must_use = "it was asked for"]
#[monitored]
pub fn checked(value: Option<u8>) -> u8 {
    value.expect("a value")
}

fn ignored() {
    place();
    checked(Some(1));
}

/// Runs it.
pub fn run() -> String {
    let _ = ignored as fn();
    format!("{}\n{}\n{}", place(), checked(Some(2)), caught(|| checked(None)))
}
