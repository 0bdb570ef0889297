use monitor_core::monitored;

#[monitored(labels(tier = tier))]
fn process<T>(tier: T) -> T {
    tier
}

fn main() {}
