use monitor_core::monitored;

#[monitored(max_concurrency = limit)]
async fn process(limit: &str) {}

fn main() {}
