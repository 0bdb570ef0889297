use monitor_core::monitored;

#[monitored]
fn process() -> std::pin::Pin<Box<dyn Future<Output = u32>>> {
    Box::pin(async move { "text" })
}

fn main() {}
