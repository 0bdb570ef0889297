use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    #[monitor(name)]
    Free,
}

fn main() {}
