use monitor_core::monitored;

#[monitored(health = "false")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
