use monitor_core::monitored;

#[monitored(ok_if = |_| true)]
fn process() -> ! {
    loop {}
}

fn main() {}
