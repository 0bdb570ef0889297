use monitor_core::monitored;

const BOUNDS: &[f64] = &[1.0, 0.5];
const INFINITE: [f64; 2] = [1.0, f64::INFINITY];

#[monitored(buckets = BOUNDS)]
fn process(text: &str) -> usize {
    text.len()
}

#[monitored(buckets = INFINITE)]
fn infinite(text: &str) -> usize {
    text.len()
}

fn main() {}
