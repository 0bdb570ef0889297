use monitor_core::monitored;

struct Process;

#[monitored(skip)]
impl Process {
    fn process(&self) {}
}

fn main() {}
