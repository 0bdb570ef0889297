use monitor_core::monitored;

#[monitored(buckets = [1u8, 2.0f32])]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
