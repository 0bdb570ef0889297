use monitor_core::monitored;

#[monitored(metod = "Process")]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {
    assert_eq!(process("text"), 4);
}
