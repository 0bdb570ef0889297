use monitor_core::monitored;

#[monitored(deadline = None::<std::time::Duration>, deadline = None::<std::time::Duration>)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
