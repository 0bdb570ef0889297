use monitor_core::monitored;

#[monitored(error_type = "X", error_type = "X")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
