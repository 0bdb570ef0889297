use monitor_core::monitored;

#[monitored(labels(tier = a, capped(tier = b, max = 3)))]
fn process(a: bool, b: &str) {}

fn main() {}
