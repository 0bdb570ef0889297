use monitor_core::monitored;

#[monitored(labels(tier = a, tier = b))]
fn process(a: bool, b: bool) {}

fn main() {}
