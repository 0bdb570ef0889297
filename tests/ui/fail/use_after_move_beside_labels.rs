use monitor_core::monitored;

#[monitored(labels(empty = text.is_empty()))]
async fn process(text: String) -> usize {
    std::future::ready(()).await;
    drop(text);
    text.len()
}

fn main() {}
