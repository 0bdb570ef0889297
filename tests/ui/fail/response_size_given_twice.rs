use monitor_core::monitored;

#[monitored(response_size = |_| 1, response_size = |_| 1)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
