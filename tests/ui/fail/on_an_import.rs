use monitor_core::monitored;

#[monitored]
pub use std::fmt;

fn main() {}
