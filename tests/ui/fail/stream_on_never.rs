use monitor_core::monitored;

#[monitored(stream)]
fn forever() -> ! {
    loop {}
}

fn main() {}
