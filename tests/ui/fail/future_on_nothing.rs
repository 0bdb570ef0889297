use monitor_core::monitored;

#[monitored(future)]
fn process() {}

fn main() {}
