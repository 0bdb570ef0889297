use monitor_core::monitored;

#[monitored(task)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
