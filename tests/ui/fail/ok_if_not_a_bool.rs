use monitor_core::monitored;

#[monitored(ok_if = |answer| *answer)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
