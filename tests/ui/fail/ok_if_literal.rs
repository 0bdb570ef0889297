use monitor_core::monitored;

#[monitored(ok_if = true)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
