use monitor_core::monitored;

#[monitored]
fn missing_bound<T>(value: &T) -> String {
    value.to_string()
}

#[monitored]
async fn missing_bound_async<T>(value: &T) -> String {
    std::future::ready(()).await;
    value.to_string()
}

fn main() {}
