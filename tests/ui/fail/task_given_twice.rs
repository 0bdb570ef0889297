use monitor_core::monitored;

#[monitored(task = "x", task = "x")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
