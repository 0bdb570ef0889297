use monitor_core::monitored;

#[monitored(ok_if = |answer| *answer > 1)]
#[track_caller]
fn process() -> u8 {
    1
}

fn main() {}
