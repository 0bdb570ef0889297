use monitor_core::monitored;

#[monitored(call = a, call = b)]
fn process() {
    a.observe("tokens", 1.0);
}

fn main() {}
