use monitor_core::monitored;

struct Process {
    #[monitored]
    number: u8,
}

fn main() {}
