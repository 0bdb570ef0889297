use monitor_core::monitored;

#[monitored(labels(capped(text = text, max = MAX)))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
