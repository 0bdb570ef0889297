use monitor_core::monitored;

#[monitored(max_concurrency)]
async fn process() -> u8 {
    1
}

fn main() {}
