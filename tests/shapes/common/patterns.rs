//! Arguments that are taken apart.
//@ shape: destructured tuple, struct, slice, reference patterns
//@ records: apart = ok 1
//@ records: apart_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, size, yield_now};

/// Two numbers.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    x: i32,
    y: i32,
}

#[monitored]
fn apart((a, mut b): (i32, i32), Point { x, y }: Point, [first, ..]: [i32; 3], &c: &i32) -> i32 {
    b += 1;
    a + b + x + y + first + c
}

#[monitored]
async fn apart_later((a, b): (i32, i32), Point { x, y: mut z }: Point, [first, .., last]: [i32; 3], &c: &i32) -> i32 {
    yield_now().await;
    z += 1;
    a + b + x + z + first + last + c
}

/// Runs it.
pub fn run() -> String {
    let point = Point { x: 3, y: 4 };
    let later = block_on(size("apart_later", apart_later((1, 2), point, [5, 6, 7], &8)));
    format!("{} {}", apart((1, 2), point, [5, 6, 7], &8), later)
}
