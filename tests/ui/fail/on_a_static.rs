use monitor_core::monitored;

#[monitored]
static PROCESS: u8 = 1;

fn main() {}
