use monitor_core::monitored;

#[monitored(max_concurrency = 1.5)]
async fn process() -> u8 {
    1
}

fn main() {}
