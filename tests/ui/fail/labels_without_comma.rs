use monitor_core::monitored;

#[monitored(labels(a = a b = a))]
fn process(a: bool) {}

fn main() {}
