use monitor_core::MonitorError;

#[derive(MonitorError)]
union Fault {
    number: u8,
}

fn main() {}
