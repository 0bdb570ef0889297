use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(name = "timeout")]
    Timeout,
}

fn main() {}
