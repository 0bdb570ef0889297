use monitor_core::monitored;

#[monitored(request_size)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
