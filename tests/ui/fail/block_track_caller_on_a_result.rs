use monitor_core::monitored;

struct Process;

#[monitored]
impl Process {
    #[track_caller]
    fn process(&self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}
