use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    Free,
    Overflow,
}

fn main() {}
