use monitor_core::monitored;

#[monitored(only_pup)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
