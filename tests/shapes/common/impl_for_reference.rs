//! A trait implemented for references.
//@ shape: `impl<T> Trait for &T`
//@ records: shout = ok 1
//@ records: shout_later = other 1

use std::fmt::Display;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

trait Shout {
    fn shout(self) -> String;
    async fn shout_later(self) -> Result<u8, String>;
}

impl<T> Shout for &T
where
    T: Display + ?Sized,
{
    #[monitored]
    fn shout(self) -> String {
        self.to_string().to_uppercase()
    }

    #[monitored]
    async fn shout_later(self) -> Result<u8, String> {
        yield_now().await;
        Err(self.to_string())
    }
}

/// Runs it.
pub fn run() -> String {
    format!("{} {:?}", "a".shout(), block_on((&'b').shout_later()))
}
