use monitor_core::monitored;

struct Process;

#[monitored(method = "Process")]
impl Process {
    fn process(&self) {}
}

fn main() {}
