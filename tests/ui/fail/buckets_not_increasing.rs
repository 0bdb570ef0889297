use monitor_core::monitored;

#[monitored(buckets = [0.1, 1.0, 0.5, 0.5, 2.0])]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
