use monitor_core::monitored;

struct Process;

trait Processing {
    fn process(&self);
}

#[monitored]
impl Processing for Process {
    fn process(&self) {}

    fn other(&self) {}
}

fn main() {}
