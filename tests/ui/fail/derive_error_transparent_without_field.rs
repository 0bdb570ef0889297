use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(transparent)]
    Timeout,
}

fn main() {}
