//! Branches of different types that become one trait object.
//@ shape: sync branches coercing to `Box<dyn T>`, early return
//@ records: shown = ok 3
//@ records: shown_later = ok 2

use std::fmt::Display;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn shown(kind: u8) -> Box<dyn Display> {
    if kind == 0 {
        return Box::new("none");
    }
    match kind {
        1 => Box::new('1'),
        kind => Box::new(kind),
    }
}

#[monitored]
async fn shown_later(kind: u8) -> Box<dyn Display> {
    yield_now().await;
    if kind == 0 {
        return Box::new("none");
    }
    Box::new(kind)
}

/// Runs it.
pub fn run() -> String {
    format!("{}{}{}{}{}", shown(0), shown(1), shown(2), block_on(shown_later(0)), block_on(shown_later(3)))
}
