use monitor_core::monitored;

#[monitored(health)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
