use monitor_core::monitored;

#[monitored(metod = "Process")]
fn process() {}

fn main() {}
