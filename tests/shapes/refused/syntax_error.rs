//! One error, the compiler's own, and the function is still there for its callers.
//@ shape: syntax errors in the body (must give exactly one error)
//@ refused: as bare

use monitor_core::monitored;

#[monitored]
fn process(x: u8) -> u32 {
    let number = ;
    x.count_ones()
}

fn main() {
    let _: u32 = process(1);
}
