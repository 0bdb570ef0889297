use monitor_core::monitored;

#[monitored(expected("NOT_FOUND", ""))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
