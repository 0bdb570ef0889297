use monitor_core::monitored;

#[monitored]
fn process(name: &str) -> String {
    format!("{nme}")
}

fn main() {}
