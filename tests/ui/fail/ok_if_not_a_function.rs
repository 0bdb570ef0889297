use monitor_core::monitored;

#[monitored(ok_if = text.len())]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
