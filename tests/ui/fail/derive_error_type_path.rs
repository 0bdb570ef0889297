use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(error_type = TIMEOUT)]
    Timeout,
}

fn main() {}
