use monitor_core::monitored;

#[monitored(buckets = [])]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
