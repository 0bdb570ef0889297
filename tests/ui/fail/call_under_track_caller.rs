use monitor_core::monitored;

#[monitored(call = call)]
#[track_caller]
fn process() -> u8 {
    call.observe("tokens", 1.0);
    1
}

fn main() {}
