use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[monitored]
    const PROCESS: u8 = 1;
}

fn main() {}
