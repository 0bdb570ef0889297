use monitor_core::monitored;

#[monitored]
async fn process<T>(value: &T) -> String {
    std::future::ready(()).await;
    value.to_string()
}

fn main() {}
