use monitor_core::monitored;

#[monitored(labels(tier = return 1))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
