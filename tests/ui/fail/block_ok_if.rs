use monitor_core::monitored;

struct Process;

#[monitored(ok_if = |_| true)]
impl Process {
    fn process(&self) {}
}

fn main() {}
