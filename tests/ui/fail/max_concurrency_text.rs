use monitor_core::monitored;

#[monitored(max_concurrency = "3")]
async fn process() -> u8 {
    1
}

fn main() {}
