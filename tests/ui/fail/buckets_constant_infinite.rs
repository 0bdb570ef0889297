use monitor_core::monitored;

const BOUNDS: [f64; 2] = [1.0, f64::INFINITY];

#[monitored(buckets = BOUNDS)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
