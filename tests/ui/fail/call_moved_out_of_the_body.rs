use monitor_core::monitored;

#[monitored(call = call)]
async fn process() -> u8 {
    std::future::ready(()).await;
    drop(*call);
    1
}

fn main() {}
