use monitor_core::MonitorError;

#[derive(MonitorError)]
#[monitor(fallback = "X")]
struct Fault;

fn main() {}
