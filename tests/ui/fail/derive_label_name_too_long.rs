use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    #[monitor(name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    Free,
}

fn main() {}
