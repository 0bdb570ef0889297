use monitor_core::monitored;

struct Process;

#[monitored(prefx = 1)]
impl Process {
    #[monitored(metod = "X")]
    fn process(&self) {}

    #[monitored(task = 1)]
    fn other(&self) {}
}

fn main() {}
