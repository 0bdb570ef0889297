use monitor_core::monitored;

#[monitored(task = "jobs", health = false)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
