use monitor_core::monitored;

#[monitored]
async fn process(text: String) -> usize {
    std::future::ready(()).await;
    drop(text);
    text.len()
}

fn main() {}
