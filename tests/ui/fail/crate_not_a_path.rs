use monitor_core::monitored;

#[monitored(crate = "monitor_core")]
fn process() {}

fn main() {}
