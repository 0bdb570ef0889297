use monitor_core::monitored;

#[monitored(method = 3)]
fn process() {}

fn main() {}
