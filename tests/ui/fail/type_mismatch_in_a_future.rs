use monitor_core::monitored;

#[monitored]
fn process() -> impl Future<Output = u32> {
    async { "text" }
}

fn main() {}
