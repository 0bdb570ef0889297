//! A default body under `#[async_trait]`.
//@ shape: async_trait default body
//@ not: hostile
//@ records: fetch = ok 1, other 1

use async_trait::async_trait;
use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

/// Fetches.
#[async_trait]
pub trait Remote {
    /// By key.
    #[monitored]
    async fn fetch(&self, key: String) -> Result<String, u8> {
        yield_now().await;
        if key.is_empty() {
            return Err(1);
        }
        Ok(key)
    }
}

/// A remote.
#[derive(Debug)]
pub struct Here;

impl Remote for Here {}

/// Runs it.
pub fn run() -> String {
    let given = block_on(async { (Here.fetch("a".to_owned()).await, Here.fetch(String::new()).await) });
    format!("{:?}", given)
}
