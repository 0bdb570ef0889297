use monitor_core::monitored;

#[monitored(ok_if = |answer, other| answer > other)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
