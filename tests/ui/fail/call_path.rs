use monitor_core::monitored;

#[monitored(call = self::call)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
