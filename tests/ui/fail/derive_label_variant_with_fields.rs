use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    Free,
    Paid(u8),
    Named { number: u8 },
}

fn main() {}
