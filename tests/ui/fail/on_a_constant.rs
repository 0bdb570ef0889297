use monitor_core::monitored;

#[monitored]
const PROCESS: u8 = 1;

fn main() {}
