use monitor_core::monitored;

fn kind(_: &String) -> &'static str {
    "x"
}

#[monitored(error_type = kind)]
fn process() -> Result<u8, u8> {
    Ok(1)
}

fn main() {}
