use monitor_core::monitored;

#[monitored("Process")]
fn process() {}

fn main() {}
