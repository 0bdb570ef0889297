use monitor_core::monitored;

struct Process;

#[monitored(future)]
impl Process {
    fn process(&self) {}
}

fn main() {}
