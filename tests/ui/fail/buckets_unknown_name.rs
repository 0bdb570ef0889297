use monitor_core::monitored;

#[monitored(buckets = "tme")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
