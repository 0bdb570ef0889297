use monitor_core::monitored;

const TASK: &str = "jobs";

#[monitored(task = TASK)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
