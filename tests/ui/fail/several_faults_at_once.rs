use monitor_core::monitored;

#[monitored(metod = "Process", crate = 1, "Process")]
const fn process() {}

fn main() {}
