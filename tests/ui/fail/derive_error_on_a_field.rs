use monitor_core::MonitorError;

#[derive(MonitorError)]
struct Fault {
    #[monitor(transparent)]
    inner: u8,
}

fn main() {}
