use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[monitored(method = "A")]
    #[monitored(method = "B")]
    fn process(&self) {}
}

fn main() {}
