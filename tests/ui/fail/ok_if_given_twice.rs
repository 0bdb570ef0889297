use monitor_core::monitored;

#[monitored(ok_if = |_| true, ok_if = |_| true)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
