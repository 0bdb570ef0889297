use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[monitored(prefix = "X")]
    fn process(&self) {}
}

fn main() {}
