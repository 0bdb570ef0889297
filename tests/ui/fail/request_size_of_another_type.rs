use monitor_core::monitored;

#[monitored(request_size = text)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
