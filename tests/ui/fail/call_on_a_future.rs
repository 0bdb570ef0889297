use monitor_core::monitored;

#[monitored(call = call)]
fn process() -> impl Future<Output = u8> {
    call.observe("tokens", 1.0);
    std::future::ready(1)
}

fn main() {}
