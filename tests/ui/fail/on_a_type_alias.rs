use monitor_core::monitored;

#[monitored]
type Process = u8;

fn main() {}
