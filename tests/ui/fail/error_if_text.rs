use monitor_core::monitored;

#[monitored(error_if = "empty")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
