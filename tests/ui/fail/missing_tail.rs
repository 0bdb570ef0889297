use monitor_core::monitored;

#[monitored]
fn missing_tail() -> u32 {
    let _number = 1;
}

#[monitored]
async fn missing_tail_async() -> u32 {
    std::future::ready(()).await;
}

fn main() {}
