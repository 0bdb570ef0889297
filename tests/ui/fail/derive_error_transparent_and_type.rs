use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(transparent, error_type = "X")]
    Inner(Box<Fault>),
}

fn main() {}
