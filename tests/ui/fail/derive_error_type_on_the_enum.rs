use monitor_core::MonitorError;

#[derive(MonitorError)]
#[monitor(error_type = "X")]
enum Fault {
    Timeout,
}

fn main() {}
