use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    fn process(&self) -> u32 {
        "text"
    }
}

fn main() {}
