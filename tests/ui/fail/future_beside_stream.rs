use monitor_core::monitored;

#[monitored(future, stream)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
