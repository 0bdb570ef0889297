use monitor_core::monitored;

#[monitored(stream)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
