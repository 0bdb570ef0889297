use monitor_core::monitored;

struct Process;

#[monitored(only_pub = true)]
impl Process {
    fn process(&self) {}
}

fn main() {}
