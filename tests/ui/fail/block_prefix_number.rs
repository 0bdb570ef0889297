use monitor_core::monitored;

struct Process;

#[monitored(prefix = 1)]
impl Process {
    fn process(&self) {}
}

fn main() {}
