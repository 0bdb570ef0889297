use monitor_core::monitored;

#[monitored(labels = text)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
