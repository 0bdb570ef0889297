use monitor_core::monitored;

#[monitored(method = "Process", max_concurrency = 3)]
fn process() {}

fn main() {}
