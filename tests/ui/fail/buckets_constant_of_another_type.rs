use monitor_core::monitored;

const BOUNDS: &[u8] = &[1];

#[monitored(buckets = BOUNDS)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
