use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    #[monitor(name = "a", name = "b")]
    Free,
}

fn main() {}
