use monitor_core::monitored;

#[monitored(labels(tier = text.parse::<bool>()?))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
