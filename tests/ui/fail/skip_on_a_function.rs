use monitor_core::monitored;

#[monitored(skip)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
