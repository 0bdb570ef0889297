use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    #[monitor]
    Free,
}

fn main() {}
