use monitor_core::monitored;

#[monitored]
fn process() -> std::pin::Pin<Box<dyn Future<Output = u32>>> {
    Box::pin(std::future::ready("text"))
}

fn main() {}
