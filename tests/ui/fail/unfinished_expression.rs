use monitor_core::monitored;

#[monitored]
fn process(text: &str) -> usize {
    text.
}

fn main() {}
