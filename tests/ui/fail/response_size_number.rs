use monitor_core::monitored;

#[monitored(response_size = 3)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
