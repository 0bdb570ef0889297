//! The attribute on a whole block under `#[async_trait]`, before it and behind it.
//@ shape: `#[async_trait]` blocks, the attribute above and below
//@ not: hostile
//@ records: Above::fetch = ok 1, other 1
//@ records: Above::shut = ok 1
//@ records: Below::fetch = ok 1, other 1
//@ records: Below::shut = ok 1, cancelled 1

use async_trait::async_trait;
use monitor_core::monitored;
use shapes_driver::{block_on, poll_once, send, yield_now};

#[async_trait]
trait Remote {
    fn name(&self) -> String;
    async fn fetch<'a>(&self, key: &'a str) -> Result<&'a str, String>;
    async fn shut(&mut self);
}

/// The attribute is above.
#[derive(Debug)]
pub struct Above(u8);

#[monitored]
#[async_trait]
impl Remote for Above {
    #[monitored(skip)]
    fn name(&self) -> String {
        "above".to_owned()
    }

    async fn fetch<'a>(&self, key: &'a str) -> Result<&'a str, String> {
        yield_now().await;
        let rest = key.strip_prefix('a').ok_or_else(|| self.name())?;
        Ok(rest)
    }

    async fn shut(&mut self) {
        yield_now().await;
        self.0 = 0;
    }
}

/// The attribute is below.
#[derive(Debug)]
pub struct Below(u8);

#[async_trait]
#[monitored]
impl Remote for Below {
    #[monitored(skip)]
    fn name(&self) -> String {
        "below".to_owned()
    }

    async fn fetch<'a>(&self, key: &'a str) -> Result<&'a str, String> {
        yield_now().await;
        let rest = key.strip_prefix('a').ok_or_else(|| self.name())?;
        Ok(rest)
    }

    async fn shut(&mut self) {
        yield_now().await;
        self.0 = 0;
    }
}

async fn visit(remote: &mut dyn Remote) -> String {
    let both = (send(remote.fetch("ab")).await.is_ok(), remote.fetch("b").await);
    let text = format!("{:?}", both);
    remote.shut().await;
    text
}

/// Runs it.
pub fn run() -> String {
    let mut below = Below(1);
    let both = block_on(async { (visit(&mut Above(1)).await, visit(&mut below).await) });
    format!("{:?} {}", both, poll_once(below.shut()).is_none())
}
