use monitor_core::monitored;

#[monitored(error_type = "")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
