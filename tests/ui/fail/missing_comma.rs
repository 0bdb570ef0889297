use monitor_core::monitored;

#[monitored(method = "Process" crate = monitor_core)]
fn process() {}

fn main() {}
