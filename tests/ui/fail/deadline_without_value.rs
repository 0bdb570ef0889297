use monitor_core::monitored;

#[monitored(deadline)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
