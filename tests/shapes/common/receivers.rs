//! Every kind of receiver.
//@ shape: `self: Arc/Pin<&mut>/Box<Self>`, `mut self`
//@ records: shared = ok 1
//@ records: pinned = ok 1
//@ records: boxed = ok 1
//@ records: owned = ok 1
//@ records: shared_later = ok 1
//@ records: owned_later = ok 1

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

/// Keeps things.
#[derive(Debug, Default, Clone)]
pub struct Store {
    items: Vec<u8>,
}

impl Store {
    #[monitored]
    fn shared(self: Arc<Self>) -> usize {
        self.items.len()
    }

    #[monitored]
    fn pinned(mut self: Pin<&mut Self>) -> usize {
        self.items.push(3);
        self.items.len()
    }

    #[monitored]
    fn boxed(self: Box<Self>) -> Vec<u8> {
        self.items
    }

    #[monitored]
    fn owned(mut self, item: u8) -> Self {
        self.items.push(item);
        self
    }

    #[monitored]
    async fn shared_later(self: Rc<Self>) -> usize {
        yield_now().await;
        self.items.len()
    }

    #[monitored]
    async fn owned_later(mut self, item: u8) -> Self {
        yield_now().await;
        self.items.push(item);
        self
    }
}

/// Runs it.
pub fn run() -> String {
    let mut store = Store::default().owned(1);
    let pinned = Pin::new(&mut store).pinned();
    let store = block_on(store.owned_later(2));
    let counted = block_on(Rc::new(store.clone()).shared_later()) + Arc::new(store.clone()).shared();
    format!("{} {} {:?}", pinned, counted, Box::new(store).boxed())
}
