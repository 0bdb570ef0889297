use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    #[monitor(nam = "free")]
    Free,
}

fn main() {}
