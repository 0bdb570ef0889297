use monitor_core::monitored;

#[monitored]
const fn process() {}

fn main() {}
