use monitor_core::monitored;

#[monitored(stream)]
fn process() {}

fn main() {}
