use monitor_core::monitored;

const NAME: u8 = 1;

#[monitored(method = NAME)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
