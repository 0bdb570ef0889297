use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(fallback = "X")]
    Timeout,
}

fn main() {}
