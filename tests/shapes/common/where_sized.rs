//! Methods that trait objects do not have.
//@ shape: `where Self: Sized` methods
//@ records: pair = ok 1
//@ records: pair_later = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

trait Pairs {
    fn name(&self) -> String;

    #[monitored]
    fn pair(self) -> (String, Self)
    where
        Self: Sized,
    {
        (self.name(), self)
    }

    #[monitored]
    async fn pair_later(self) -> (String, Self)
    where
        Self: Sized,
    {
        yield_now().await;
        (self.name(), self)
    }
}

impl Pairs for u8 {
    fn name(&self) -> String {
        self.to_string()
    }
}

/// Runs it.
pub fn run() -> String {
    let object: &dyn Pairs = &3;
    format!("{} {:?} {:?}", object.name(), 1.pair(), block_on(2.pair_later()))
}
