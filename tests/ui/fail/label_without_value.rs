use monitor_core::monitored;

#[monitored(labels(tier))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
