//! `async fn` in a trait, and the same spelled out.
//@ shape: native async fn in a trait impl
//@ records: native = ok 1, other 1
//@ records: with_default = ok 1
//@ records: spelled = other 1

use std::future::Future;

use monitor_core::monitored;
use shapes_driver::{block_on, send, size, yield_now};

trait Handler {
    async fn native(&self, text: &str) -> Result<usize, String>;
    fn spelled(&self) -> impl Future<Output = Result<u8, u8>> + Send;

    #[monitored]
    async fn with_default(&self) -> u8 {
        yield_now().await;
        7
    }
}

impl Handler for Vec<u8> {
    #[monitored]
    async fn native(&self, text: &str) -> Result<usize, String> {
        yield_now().await;
        if text.is_empty() {
            return Err("empty".to_owned());
        }
        Ok(self.len() + text.len())
    }

    #[monitored]
    fn spelled(&self) -> impl Future<Output = Result<u8, u8>> + Send {
        let first = self.first().copied();
        async move { Err(first.unwrap_or(9)) }
    }
}

/// Runs it.
pub fn run() -> String {
    let items = vec![1];
    block_on(async {
        let native = (size("native", send(items.native("a"))).await, items.native("").await);
        format!("{:?} {:?} {}", native, send(items.spelled()).await, items.with_default().await)
    })
}
