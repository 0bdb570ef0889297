//! An argument whose type is `impl Trait`.
//@ shape: `impl AsRef` argument
//@ records: length = ok 2
//@ records: length_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

#[monitored]
fn length(text: impl AsRef<str>) -> usize {
    text.as_ref().len()
}

#[monitored]
async fn length_later(text: impl AsRef<str>) -> usize {
    yield_now().await;
    text.as_ref().len()
}

/// Runs it.
pub fn run() -> String {
    format!("{} {} {}", length("a"), length("bc".to_owned()), block_on(length_later("d")))
}
