use monitor_core::monitored;

#[monitored(max_concurrency = 3)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
