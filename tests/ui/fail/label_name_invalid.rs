use monitor_core::monitored;

#[monitored(labels(größe = large))]
fn process(large: bool) {}

fn main() {}
