use monitor_core::monitored;

#[monitored]
fn process<T>(value: &T) -> String {
    value.to_string()
}

fn main() {}
