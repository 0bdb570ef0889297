use monitor_core::monitored;

#[monitored(crate)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
