use monitor_core::monitored;

#[monitored(call = text)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
