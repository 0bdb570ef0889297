use monitor_core::monitored;

#[monitored(labels(capped(text = text, max = 3, other = text)))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
