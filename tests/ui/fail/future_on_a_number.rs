use monitor_core::monitored;

#[monitored(future)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
