use monitor_core::monitored;

#[monitored(only_pub)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
