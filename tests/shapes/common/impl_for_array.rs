//! A trait implemented for arrays of any length.
//@ shape: methods in `impl Trait for [T; N]`
//@ records: total = ok 1
//@ records: total_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

trait Total {
    fn total(&self) -> usize;
    async fn total_later(&self) -> usize;
}

impl<T, const N: usize> Total for [T; N] {
    #[monitored]
    fn total(&self) -> usize {
        self.iter().count() + N
    }

    #[monitored]
    async fn total_later(&self) -> usize {
        yield_now().await;
        N
    }
}

/// Runs it.
pub fn run() -> String {
    format!("{} {}", [1, 2].total(), block_on(['a'].total_later()))
}
