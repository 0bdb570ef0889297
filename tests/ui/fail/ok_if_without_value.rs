use monitor_core::monitored;

#[monitored(ok_if)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
