use monitor_core::monitored;

#[monitored(expected("X"), expected("X"))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
