use monitor_core::monitored;

#[monitored]
fn process() -> u32 {
    let number = ;
    1
}

fn main() {}
