use monitor_core::monitored;

#[monitored(task = concat!("jobs", "-", "nightly"))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
