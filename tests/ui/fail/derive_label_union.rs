use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
union Tier {
    number: u8,
}

fn main() {}
