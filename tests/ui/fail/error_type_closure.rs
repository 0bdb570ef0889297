use monitor_core::monitored;

#[monitored(error_type = |error: &String| "x")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
