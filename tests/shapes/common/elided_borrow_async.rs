//! The result of an asynchronous method is borrowed from the receiver.
//@ shape: same, async
//@ records: first = ok 1
//@ records: first_mut = ok 1, other 1
//@ records: last = ok 1

use monitor_core::monitored;
use shapes_driver::{block_on, send, size, yield_now};

/// Keeps things.
#[derive(Debug)]
pub struct Store<T> {
    items: Vec<T>,
}

impl<T: Clone + Send + Sync> Store<T> {
    /// The first one.
    #[monitored]
    pub async fn first(&self) -> Option<&T> {
        yield_now().await;
        self.items.first()
    }

    #[monitored]
    async fn first_mut(&mut self) -> Result<&mut T, &'static str> {
        yield_now().await;
        let first = self.items.first_mut().ok_or("empty")?;
        Ok(first)
    }

    #[monitored]
    async fn last(&mut self, item: T) -> &mut T {
        yield_now().await;
        self.items.push(item);
        let last = self.items.len() - 1;
        &mut self.items[last]
    }
}

/// Runs it.
pub fn run() -> String {
    let mut store = Store { items: vec![1] };
    block_on(async {
        if let Ok(first) = size("first_mut", send(store.first_mut())).await {
            *first += 1;
        }
        *size("last", send(store.last(5))).await += 1;
        let empty = Store::<u8> { items: vec![] }.first_mut().await.is_err();
        let shown = format!("{:?}", store);
        format!("{:?} {} {}", size("first", send(store.first())).await, shown, empty)
    })
}
