use monitor_core::monitored;

#[monitored(3)]
fn process() {}

fn main() {}
