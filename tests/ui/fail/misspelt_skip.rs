use monitor_core::monitored;

#[monitored(skipp)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
