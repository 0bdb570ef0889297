use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
#[monitor(name = "tier")]
enum Tier {
    Free,
}

fn main() {}
