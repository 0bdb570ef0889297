use monitor_core::monitored;

#[monitored]
fn process(early: bool) -> Result<u32, String> {
    if early {
        return 1;
    }
    Ok(1)
}

fn main() {}
