use monitor_core::monitored;

#[monitored(call = self)]
fn process() {}

fn main() {}
