use monitor_core::monitored;

#[monitored(deadline = text.len())]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
