use monitor_core::monitored;

#[monitored(labels(a = a, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a))]
fn process(a: bool) {}

fn main() {}
