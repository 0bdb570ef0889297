use monitor_core::monitored;

#[monitored]
async fn process<'a>(text: String) -> &'a str {
    std::future::ready(()).await;
    &text
}

fn main() {}
