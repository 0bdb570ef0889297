use monitor_core::monitored;

struct Process;

#[monitored(prefix)]
impl Process {
    fn process(&self) {}
}

fn main() {}
