use monitor_core::monitored;

struct Process;

#[monitored(task = "x", health = false)]
impl Process {
    fn process(&self) {}
}

fn main() {}
