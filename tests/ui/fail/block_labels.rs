use monitor_core::monitored;

struct Process;

#[monitored(labels(a = true))]
impl Process {
    fn process(&self) {}
}

fn main() {}
