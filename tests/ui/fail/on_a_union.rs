use monitor_core::monitored;

#[monitored]
union Process {
    number: u8,
}

fn main() {}
