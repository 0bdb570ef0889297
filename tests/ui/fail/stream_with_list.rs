use monitor_core::monitored;

#[monitored(stream(u8))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
