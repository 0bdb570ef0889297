use monitor_core::monitored;

#[monitored]
#[track_caller]
fn process() -> Result<(), String> {
    Ok(())
}

fn main() {}
