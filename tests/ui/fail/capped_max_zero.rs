use monitor_core::monitored;

#[monitored(labels(capped(text = text, max = 0)))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
