use monitor_core::monitored;

#[monitored]
async fn use_after_move(text: String) -> usize {
    std::future::ready(()).await;
    drop(text);
    text.len()
}

#[monitored(labels(empty = text.is_empty()))]
async fn use_after_move_beside_labels(text: String) -> usize {
    std::future::ready(()).await;
    drop(text);
    text.len()
}

#[monitored]
fn use_after_move_sync(text: String) -> usize {
    drop(text);
    text.len()
}

fn main() {}
