use monitor_core::monitored;

#[monitored(oks_if = |a, b| a == b, metod = 3)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
