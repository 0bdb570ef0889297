use monitor_core::monitored;

#[monitored(error_type = 1)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
