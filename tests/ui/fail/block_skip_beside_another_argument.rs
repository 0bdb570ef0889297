use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[monitored(skip, method = "X", task = "x")]
    fn process(&self) {}
}

fn main() {}
