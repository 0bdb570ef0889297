use monitor_core::monitored;

#[monitored]
async fn process() -> u32 {
    std::future::ready(()).await;
}

fn main() {}
