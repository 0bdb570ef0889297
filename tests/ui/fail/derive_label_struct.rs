use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
struct Tier {
    number: u8,
}

fn main() {}
