use monitor_core::monitored;

#[monitored(name = "Process")]
fn process() {}

fn main() {}
