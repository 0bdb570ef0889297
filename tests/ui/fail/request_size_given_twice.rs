use monitor_core::monitored;

#[monitored(request_size = 1, request_size = 1)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
