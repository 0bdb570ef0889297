use monitor_core::monitored;

#[monitored(buckets = [0.1; 3])]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
