use monitor_core::monitored;

#[monitored]
fn process(text: &str) -> Result<u32, std::fmt::Error> {
    let number = text.parse::<u32>()?;
    Ok(number)
}

fn main() {}
