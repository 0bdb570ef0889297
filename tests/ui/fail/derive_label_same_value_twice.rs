use monitor_core::MonitorLabel;

#[derive(MonitorLabel)]
enum Tier {
    Free,
    #[monitor(name = "free")]
    Paid,
}

fn main() {}
