use monitor_core::monitored;

#[monitored(expected(404))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
