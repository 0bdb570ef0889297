use monitor_core::monitored;

#[monitored(request_size = |text| text.len())]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
