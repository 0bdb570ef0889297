//! Code that edition 2018 still allows: a panic's message need not be a literal, and `gen` is a name.
//@ shape: edition 2018
//@ editions: 2018
//@ records: careless = panic 1
//@ records: keywords = ok 1
//@ fires: non_fmt_panics rust_2021_incompatible_closure_captures

use monitor_core::monitored;
use shapes_driver::{block_on, caught, yield_now};

#[monitored]
fn careless(text: &'static str) -> u8 {
    panic!(text)
}

#[monitored]
async fn keywords(gen: u8) -> u8 {
    yield_now().await;
    gen
}

/// Writes its field when it is dropped.
#[derive(Debug)]
pub struct Loud(u8);

impl Drop for Loud {
    fn drop(&mut self) {
        self.0 = 0;
    }
}

#[monitored]
fn captures(pair: (Loud, Loud)) -> u8 {
    let closure = move || pair.0.0;
    closure()
}

/// Runs it.
pub fn run() -> String {
    let _ = captures as fn(_) -> _;
    format!("{} {}", caught(|| careless("why")), block_on(keywords(4)))
}
