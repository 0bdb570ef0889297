use monitor_core::monitored;

const BOUNDS: &[f64] = &[1.0, 0.5];

#[monitored(buckets = BOUNDS)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
