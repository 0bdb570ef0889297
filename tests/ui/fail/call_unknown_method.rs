use monitor_core::monitored;

#[monitored(call = call)]
fn process() {
    call.obsreve("tokens", 1.0);
}

fn main() {}
