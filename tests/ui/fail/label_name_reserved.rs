use monitor_core::monitored;

#[monitored(labels(method = a, status = a, r#type = a, le = a, quantile = a, overflow = a, inittime = a, __tier = a))]
fn process(a: bool) {}

fn main() {}
