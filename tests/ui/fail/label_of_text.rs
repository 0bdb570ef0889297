use monitor_core::monitored;

#[monitored(labels(tier = text))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
