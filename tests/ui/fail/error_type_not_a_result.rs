use monitor_core::monitored;

fn kind(_: &String) -> &'static str {
    "x"
}

#[monitored(error_type = kind)]
fn process(text: &str) -> usize {
    text.len()
}

fn main() {}
