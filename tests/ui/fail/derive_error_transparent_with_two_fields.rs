use monitor_core::MonitorError;

#[derive(MonitorError)]
#[monitor(transparent)]
struct Fault {
    one: Box<Fault>,
    two: u8,
}

fn main() {}
