//! The returned value is borrowed from the receiver.
//@ shape: elided borrow from `&self` / `&mut self`, sync
//@ records: first = ok 1
//@ records: first_mut = ok 1, other 1
//@ records: last = ok 1

use monitor_core::monitored;

/// Keeps things.
#[derive(Debug)]
pub struct Store<T> {
    items: Vec<T>,
}

impl<T: Clone> Store<T> {
    /// The first one.
    #[monitored]
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.items.first()
    }

    #[monitored]
    fn first_mut(&mut self) -> Result<&mut T, &'static str> {
        self.items.first_mut().ok_or("empty")
    }

    #[monitored]
    fn last(&mut self, item: T) -> &mut T {
        self.items.push(item);
        let last = self.items.len() - 1;
        &mut self.items[last]
    }
}

/// Runs it.
pub fn run() -> String {
    let mut store = Store { items: vec![1] };
    if let Ok(first) = store.first_mut() {
        *first += 1;
    }
    *store.last(5) += 1;
    let empty = Store::<u8> { items: vec![] }.first_mut().is_err();
    format!("{:?} {:?} {}", store.first(), store, empty)
}
