use monitor_core::monitored;

#[monitored(error_if = |_| true, error_if = |_| true)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
