use monitor_core::monitored;

#[monitored(labels(method = text, tier = ), expected("", 3), buckets = [1, 1, -1])]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
