use monitor_core::monitored;

#[monitored]
fn process() -> u32 {
    let _number = 1;
}

fn main() {}
