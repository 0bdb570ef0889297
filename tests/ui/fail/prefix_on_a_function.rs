use monitor_core::monitored;

#[monitored(prefix = "Process")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
