use monitor_core::monitored;

#[monitored]
fn unknown_name_in_the_body() -> usize {
    nothing
}

#[monitored]
fn unknown_name_in_a_format_string(name: &str) -> String {
    format!("{nme}")
}

fn main() {}
