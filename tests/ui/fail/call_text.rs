use monitor_core::monitored;

#[monitored(call = "call")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
