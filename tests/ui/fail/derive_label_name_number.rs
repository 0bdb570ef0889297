use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    #[monitor(name = 1)]
    Free,
}

fn main() {}
