use monitor_core::monitored;

#[monitored(expected("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))]
fn fetch() -> Result<(), String> {
    Ok(())
}

fn main() {}
