use monitor_core::monitored;

#[monitored(buckets = "time", buckets = "time")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
