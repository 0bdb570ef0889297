use monitor_core::MonitorError;

#[derive(MonitorError)]
enum Fault {
    #[monitor(transparent = true)]
    Inner(Box<Fault>),
}

fn main() {}
