use monitor_core::monitored;

#[monitored(request_size = "large")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
