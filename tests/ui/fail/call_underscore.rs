use monitor_core::monitored;

#[monitored(call = _)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
