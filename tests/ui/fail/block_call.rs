use monitor_core::monitored;

struct Process;

#[monitored(call = call)]
impl Process {
    fn process(&self) {}
}

fn main() {}
