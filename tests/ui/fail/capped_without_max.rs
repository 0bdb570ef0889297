use monitor_core::monitored;

#[monitored(labels(capped(text = text)))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
