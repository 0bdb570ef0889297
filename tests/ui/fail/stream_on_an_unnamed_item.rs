use monitor_core::monitored;

#[monitored(stream)]
fn items() -> impl Sized {
    1
}

fn main() {}
