use monitor_core::MonitorError;

#[derive(MonitorError)]
#[monitor(crate = "monitor_core")]
struct Fault;

fn main() {}
