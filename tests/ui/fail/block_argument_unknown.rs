use monitor_core::monitored;

struct Process;

#[monitored(prefx = "Process")]
impl Process {
    fn process(&self) {}
}

fn main() {}
