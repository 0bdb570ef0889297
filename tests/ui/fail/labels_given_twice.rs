use monitor_core::monitored;

#[monitored(labels(a = true), labels(a = true))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
