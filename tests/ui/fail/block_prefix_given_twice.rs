use monitor_core::monitored;

struct Process;

#[monitored(prefix = "A", prefix = "B")]
impl Process {
    fn process(&self) {}
}

fn main() {}
