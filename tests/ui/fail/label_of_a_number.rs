use monitor_core::monitored;

#[monitored(labels(size = text.len()))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
