use monitor_core::monitored;

#[monitored(health = true, health = true)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
