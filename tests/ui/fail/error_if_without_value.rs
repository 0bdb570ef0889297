use monitor_core::monitored;

#[monitored(error_if =)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
