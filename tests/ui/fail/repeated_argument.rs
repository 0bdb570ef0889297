use monitor_core::monitored;

#[monitored(method = "Process", method = "Other")]
fn process() {}

fn main() {}
