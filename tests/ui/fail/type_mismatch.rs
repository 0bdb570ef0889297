use monitor_core::monitored;

#[monitored]
fn process() -> u32 {
    "text"
}

fn main() {}
