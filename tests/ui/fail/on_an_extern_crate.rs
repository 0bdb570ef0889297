use monitor_core::monitored;

#[monitored]
extern crate core;

fn main() {}
