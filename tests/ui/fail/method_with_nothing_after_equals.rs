use monitor_core::monitored;

#[monitored(method =)]
fn process() {}

fn main() {}
