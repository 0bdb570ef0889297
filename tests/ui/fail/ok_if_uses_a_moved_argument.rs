use monitor_core::monitored;

#[monitored(ok_if = |_| text.is_empty())]
fn process(text: String) -> usize {
    drop(text);
    1
}

fn main() {}
