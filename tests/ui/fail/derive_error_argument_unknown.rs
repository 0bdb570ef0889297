use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(eror_type = "X")]
    Timeout,
}

fn main() {}
