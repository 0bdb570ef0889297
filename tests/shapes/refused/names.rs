//! Names that are not there.
//@ shape: errors of the body, the same at the same place
//@ refused: as bare

use monitor_core::monitored;

#[monitored]
fn value(x: u8) -> u32 {
    y.count_ones()
}

#[monitored]
fn in_text(x: u8) -> String {
    format!("{x} {y}")
}

#[monitored(labels(big = x > 1))]
async fn kind(x: u8) -> Result<u8, u8> {
    let z: Missing = x;
    Ok(z)
}

#[monitored]
async fn function(x: u8) -> u8 {
    missing(x).await
}

#[monitored]
fn signature(x: Missing) -> Absent {
    x
}

struct Process;

#[monitored]
impl Process {
    fn method(&self) -> u8 {
        missing!(1)
    }
}

fn main() {}
