use monitor_core::monitored;

#[monitored]
pub struct Process;

fn main() {}
