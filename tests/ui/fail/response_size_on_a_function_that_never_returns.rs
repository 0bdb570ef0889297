use monitor_core::monitored;

#[monitored(response_size = |_| 1)]
fn process() -> ! {
    loop {}
}

fn main() {}
