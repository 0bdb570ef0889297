use monitor_core::monitored;

#[monitored]
fn process(text: String) -> usize {
    drop(text);
    text.len()
}

fn main() {}
