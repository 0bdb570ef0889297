//! An attribute that moves the body into a closure beside a guard.
//@ shape: `#[no_panic]` style attributes
//@ records: above = ok 1
//@ records: below = ok 1

use guarding::guarded;
use monitor_core::monitored;

#[monitored]
#[guarded]
fn above(text: &str) -> usize {
    text.len()
}

#[guarded]
#[monitored]
fn below(text: &str) -> usize {
    text.len()
}

/// Runs it.
pub fn run() -> String {
    format!("{} {}", above("a"), below("ab"))
}
