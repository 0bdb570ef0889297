use monitor_core::monitored;

#[monitored(method = line!())]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
