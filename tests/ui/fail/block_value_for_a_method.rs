use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[monitored = "X"]
    fn process(&self) {}
}

fn main() {}
