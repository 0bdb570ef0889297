use monitor_core::monitored;

#[monitored(labels(capped(size = text.len(), max = 3)))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
