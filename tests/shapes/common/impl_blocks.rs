//! The attribute on whole blocks.
//@ shape: `impl` blocks, all methods or those that are `pub`
//@ records: Store::new = ok 1
//@ records: Store::get = ok 2
//@ records: Store::put = other 1
//@ records: Store::later = ok 1
//@ records: Store::into_items = ok 1
//@ records: Own = ok 1
//@ records: shown::seen = ok 1
//@ fires: dead_code unused_variables clippy::unused_self clippy::needless_pass_by_value clippy::return_self_not_must_use

use monitor_core::monitored;
use shapes_driver::{block_on, same_size, size, yield_now};

/// Keeps things.
#[derive(Debug, Default)]
pub struct Store<T> {
    items: Vec<T>,
}

#[monitored]
impl<T: Clone> Store<T> {
    /// No function.
    pub const LIMIT: usize = 2;

    /// Cannot be monitored.
    pub const fn limit(&self) -> usize {
        Self::LIMIT
    }

    fn new(items: Vec<T>) -> Self {
        let unused = items.len();
        Self { items }
    }

    /// Documented.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.items.get(at)
    }

    fn put(&mut self, item: T) -> Result<&mut T, usize> {
        let count = self.items.len();
        if count >= self.limit() {
            return Err(count);
        }
        self.items.push(item);
        self.items.last_mut().ok_or(0)
    }

    async fn later(&self) -> usize {
        yield_now().await;
        self.items.len()
    }

    fn into_items(self) -> Vec<T> {
        self.items
    }

    #[monitored(method = "Own")]
    async fn own(&self) -> usize {
        self.items.len()
    }

    #[monitored(skip)]
    fn left_alone(&self) -> usize {
        self.items.len()
    }

    fn never_called(&self, list: Vec<u8>) -> u32 {
        list.first().map_or(0, |first| first.count_ones())
    }

    /// Gives it back.
    pub fn same(self) -> Self {
        let same = self;
        same
    }
}

/// Something to see.
#[derive(Debug)]
pub struct Shown;

#[monitored(prefix = "shown", only_pub)]
impl Shown {
    /// Looks at it.
    pub fn seen(&self) -> u32 {
        self.unseen(3)
    }

    fn unseen(&self, x: u8) -> u32 {
        x.count_ones()
    }
}

/// Runs it.
pub fn run() -> String {
    let mut store = Store::new(vec![1, 2]);
    let put = store.put(3).err();
    let got = format!("{:?} {:?} {:?}", store.get(0), store.get(7), put);
    let waited = block_on(async {
        let later = size("later", store.later()).await;
        later + same_size("own", store.own()).await
    });
    format!("{} {} {} {:?} {}", got, waited, store.left_alone(), store.into_items(), Shown.seen())
}
