use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {}

fn main() {}
