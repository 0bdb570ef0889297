use monitor_core::monitored;

#[monitored]
trait Process {
    fn run();
}

fn main() {}
