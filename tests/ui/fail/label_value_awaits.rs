use monitor_core::monitored;

#[monitored(labels(tier = tier.await))]
async fn process(tier: std::future::Ready<bool>) {}

fn main() {}
