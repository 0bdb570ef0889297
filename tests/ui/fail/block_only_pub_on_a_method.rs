use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[monitored(only_pub)]
    fn process(&self) {}
}

fn main() {}
