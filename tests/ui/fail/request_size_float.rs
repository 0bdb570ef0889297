use monitor_core::monitored;

#[monitored(request_size = text.len() as f64)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
