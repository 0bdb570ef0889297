use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(transparent)]
    Io(std::io::Error),
}

fn main() {}
