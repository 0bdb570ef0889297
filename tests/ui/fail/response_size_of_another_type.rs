use monitor_core::monitored;

#[monitored(response_size = |answer| answer.to_string())]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
