use monitor_core::monitored;

const NAME: &str = "";

#[monitored(method = NAME)]
fn process() {}

fn main() {}
