use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[cfg_attr(all(), monitored(skip))]
    fn process(&self) {}
}

fn main() {}
