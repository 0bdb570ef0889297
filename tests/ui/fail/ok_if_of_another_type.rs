use monitor_core::monitored;

#[monitored(ok_if = Option::is_some)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
