use monitor_core::monitored;

#[monitored(method("Process"))]
fn process() {}

fn main() {}
