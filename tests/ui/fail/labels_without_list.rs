use monitor_core::monitored;

#[monitored(labels)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
