//! Methods that are reached through a trait object.
//@ shape: method on `dyn Trait` object
//@ records: count = ok 3
//@ records: on_object = ok 1
//@ records: later = ok 1

use std::future::Future;
use std::pin::Pin;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

trait Count {
    fn count(&self) -> usize;
    fn later(&self) -> Pin<Box<dyn Future<Output = usize> + '_>>;
}

impl Count for Vec<u8> {
    #[monitored]
    fn count(&self) -> usize {
        self.len()
    }

    #[monitored]
    fn later(&self) -> Pin<Box<dyn Future<Output = usize> + '_>> {
        Box::pin(async move {
            yield_now().await;
            self.count()
        })
    }
}

impl dyn Count {
    #[monitored]
    fn on_object(&self) -> usize {
        self.count() + 1
    }
}

/// Runs it.
pub fn run() -> String {
    let object: &dyn Count = &vec![1, 2];
    format!("{} {} {}", object.count(), object.on_object(), block_on(object.later()))
}
