//! Arrays of any length, in and out.
//@ shape: const generic array in and out
//@ records: reversed = ok 2
//@ records: reversed_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn reversed<const N: usize>(mut values: [u8; N]) -> [u8; N] {
    values.reverse();
    values
}

#[monitored]
async fn reversed_later<T: Copy, const N: usize>(values: [T; N]) -> [T; N] {
    yield_now().await;
    let mut values = values;
    values.reverse();
    values
}

/// Runs it.
pub fn run() -> String {
    format!("{:?} {:?} {:?}", reversed([1, 2, 3]), reversed([0; 0]), block_on(reversed_later(['a', 'b'])))
}
