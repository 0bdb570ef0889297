use monitor_core::monitored;

#[monitored]
unsafe extern "C" {}

fn main() {}
