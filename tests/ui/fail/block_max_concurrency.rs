use monitor_core::monitored;

struct Process;

#[monitored(max_concurrency = 3)]
impl Process {
    fn process(&self) {}
}

fn main() {}
