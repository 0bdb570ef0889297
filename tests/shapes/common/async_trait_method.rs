//! Methods under `#[async_trait]`, the attribute inside and outside of it.
//@ shape: async_trait impl method returning Result
//@ not: hostile
//@ records: fetch = ok 1, other 1
//@ records: store = ok 1, other 1
//@ records: local = ok 1, cancelled 1

use std::rc::Rc;

use async_trait::async_trait;
use monitor_core::monitored;
use shapes_driver::{block_on, poll_once, send, yield_now};

#[async_trait]
trait Remote {
    async fn fetch(&self, key: &str) -> Result<String, String>;
    async fn store<'a>(&mut self, key: &'a str, value: u8) -> Result<&'a str, u8>;
}

#[async_trait(?Send)]
trait Local {
    async fn local(self: Rc<Self>) -> usize;
}

/// Keeps things.
#[derive(Debug)]
pub struct Store<T>(Vec<T>);

#[async_trait]
impl<T: Send + Sync> Remote for Store<T> {
    #[monitored]
    async fn fetch(&self, key: &str) -> Result<String, String> {
        yield_now().await;
        if self.0.is_empty() {
            return Err(format!("no {}", key));
        }
        Ok(key.to_owned())
    }

    #[monitored]
    async fn store<'a>(&mut self, key: &'a str, value: u8) -> Result<&'a str, u8> {
        yield_now().await;
        let key = key.strip_prefix('a').ok_or(value)?;
        self.0.clear();
        Ok(key)
    }
}

#[async_trait(?Send)]
impl<T> Local for Store<T> {
    #[monitored]
    async fn local(self: Rc<Self>) -> usize {
        let shared = Rc::clone(&self);
        yield_now().await;
        shared.0.len()
    }
}

/// Runs it.
pub fn run() -> String {
    let mut store = Store(vec![1]);
    let given = block_on(async {
        let first = send(store.fetch("a")).await;
        let kept = (send(store.store("ab", 1)).await, store.store("b", 2).await);
        format!("{:?} {:?} {:?}", first, kept, store.fetch("a").await)
    });
    let shared = Rc::new(store);
    let cancelled = poll_once(Rc::clone(&shared).local()).is_none();
    format!("{} {} {}", given, cancelled, block_on(shared.local()))
}
