use monitor_core::monitored;

#[monitored(future = true)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
