use monitor_core::monitored;

#[monitored(,)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
