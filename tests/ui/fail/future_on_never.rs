use monitor_core::monitored;

#[monitored(future)]
fn forever() -> ! {
    loop {}
}

fn main() {}
