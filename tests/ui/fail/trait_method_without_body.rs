use monitor_core::monitored;

trait Process {
    #[monitored]
    fn process(&self);
}

fn main() {}
