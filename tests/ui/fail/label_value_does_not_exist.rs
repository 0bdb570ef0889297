use monitor_core::monitored;

#[monitored(labels(tier = nothing))]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
