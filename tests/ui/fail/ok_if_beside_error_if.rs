use monitor_core::monitored;

#[monitored(ok_if = |answer| *answer > 1, error_if = |answer| *answer < 1)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
