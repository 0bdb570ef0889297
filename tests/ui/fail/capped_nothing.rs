use monitor_core::monitored;

#[monitored(labels(capped()))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
