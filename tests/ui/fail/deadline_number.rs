use monitor_core::monitored;

#[monitored(deadline = 5)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
