use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[monitored(metod = "X")]
    fn process(&self) {}

    fn other(&self) {
        self.process();
    }
}

fn main() {}
