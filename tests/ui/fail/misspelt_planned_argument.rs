use monitor_core::monitored;

#[monitored(label(kind = 1))]
fn process() {}

fn main() {}
