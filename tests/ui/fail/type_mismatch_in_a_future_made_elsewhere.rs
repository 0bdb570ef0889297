use monitor_core::monitored;

#[monitored]
fn process() -> impl Future<Output = u32> {
    std::future::ready("text")
}

fn main() {}
