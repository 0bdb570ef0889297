use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[monitored]
    const fn process() {}
}

fn main() {}
