use monitor_core::monitored;

#[monitored(labels(capped(text = text, other = text, max = 3)))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
