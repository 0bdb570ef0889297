use monitor_core::monitored;

#[monitored(expected)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
