use monitor_core::monitored;

type Number = u8;

#[monitored(future)]
fn process() -> Number {
    1
}

fn main() {}
