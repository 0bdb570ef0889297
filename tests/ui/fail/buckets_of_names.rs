use monitor_core::monitored;

const LOW: f64 = 0.1;

#[monitored(buckets = [LOW, f64::INFINITY, 1.0])]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
