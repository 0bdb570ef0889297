use monitor_core::monitored;

#[monitored]
mod process {}

fn main() {}
