use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    fn run() {}
}

fn main() {}
