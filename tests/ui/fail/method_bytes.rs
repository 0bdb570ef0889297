use monitor_core::monitored;

#[monitored(method = b"Process")]
fn process() {}

fn main() {}
