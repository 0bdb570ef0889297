use monitor_core::monitored;

#[monitored]
enum Process {}

fn main() {}
