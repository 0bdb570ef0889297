use monitor_core::monitored;

#[monitored(future, future)]
fn process() -> impl Future<Output = u8> {
    async { 1 }
}

fn main() {}
