use monitor_core::monitored;

#[monitored(response_size)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
