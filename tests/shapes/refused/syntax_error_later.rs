//! In an asynchronous body, under arguments.
//@ shape: syntax errors in the body (must give exactly one error)
//@ refused: as bare

use monitor_core::monitored;

#[monitored(labels(big = x > 1), error_type = "ANY", call = call)]
async fn process(x: u8) -> Result<u32, u8> {
    if x == 1 { return Err(x }
    Ok(x.count_ones())
}

fn main() {
    drop(process(1));
}
