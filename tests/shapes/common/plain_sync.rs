//! The smallest function.
//@ shape: plain sync, one-expression body
//@ records: one = ok 1
//@ records: text = ok 1
//@ records: nothing = ok 1
//@ records: unit_written = ok 1
//@ fires: clippy::missing_const_for_fn

use monitor_core::monitored;

#[monitored]
fn one() -> u32 {
    1
}

#[monitored] fn text(text: &str) -> String { text.to_uppercase() }

#[monitored]
fn nothing() {}

#[monitored]
fn unit_written() -> () {}

/// Runs it.
pub fn run() -> String {
    nothing();
    unit_written();
    format!("{} {}", one(), text("a"))
}
