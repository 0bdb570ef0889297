use monitor_core::monitored;

#[monitored]
fn process<'a>() -> &'a str {
    let text = String::new();
    &text
}

fn main() {}
