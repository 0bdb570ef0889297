use monitor_core::monitored;

#[monitored(call = call, metod = "X")]
fn process() {
    call.observe("tokens", 1.0);
}

fn main() {}
