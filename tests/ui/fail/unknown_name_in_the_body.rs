use monitor_core::monitored;

#[monitored]
fn process() -> usize {
    nothing
}

fn main() {}
