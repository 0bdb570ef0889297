use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    fn process(&self) -> u32 {
        let number = ;
        1
    }

    fn other(&self) -> u32 {
        self.process()
    }
}

fn main() {}
