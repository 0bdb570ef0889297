use monitor_core::monitored;

#[monitored]
fn process() {
    1
}

fn main() {}
