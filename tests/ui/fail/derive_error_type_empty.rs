use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(error_type = "")]
    Timeout,
}

fn main() {}
