use monitor_core::monitored;

#[monitored(crate = elsewhere)]
fn process() {}

fn main() {}
