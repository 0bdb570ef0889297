use monitor_core::monitored;

#[monitored(crate = monitor_core, crate = monitor_core)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
