use monitor_core::monitored;

#[monitored(error_type = "X")]
fn process() -> ! {
    loop {}
}

fn main() {}
