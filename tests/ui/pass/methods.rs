//! Methods: receivers, traits, async traits.
#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(
    clippy::missing_const_for_fn,
    clippy::unnecessary_wraps,
    clippy::unused_async
)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use monitor_core::monitored;
use tokio::task::yield_now;

struct Refused;

struct Store<T> {
    items: Vec<T>,
}

impl<T: Clone + Send> Store<T> {
    #[monitored(method = "Store::new")]
    fn new(item: T) -> Self {
        Self { items: vec![item] }
    }

    #[monitored]
    fn first(&self) -> Option<&T> {
        self.items.first()
    }

    #[monitored]
    fn first_mut(&mut self) -> Result<&mut T, Refused> {
        self.items.first_mut().ok_or(Refused)
    }

    #[monitored]
    async fn later(&self) -> Option<&T>
    where
        T: Sync,
    {
        yield_now().await;
        self.items.first()
    }

    #[monitored]
    async fn later_mut(&mut self, item: T) -> &mut T {
        yield_now().await;
        self.items.push(item);
        let last = self.items.len() - 1;
        &mut self.items[last]
    }

    #[monitored]
    fn shared(self: Arc<Self>) -> usize {
        self.items.len()
    }

    #[monitored]
    fn pinned(self: Pin<&mut Self>) -> usize {
        self.items.len()
    }

    #[monitored]
    fn boxed(self: Box<Self>) -> Vec<T> {
        self.items
    }

    #[monitored]
    fn owned(mut self, item: T) -> Self {
        self.items.push(item);
        self
    }
}

impl fmt::Display for Store<u8> {
    #[monitored]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.items.len())
    }
}

trait Handler {
    fn handle(&self, fail: bool) -> Result<u8, Refused>;

    async fn native(&self, text: &str) -> Result<usize, Refused>;

    fn spelled(&self) -> impl Future<Output = Result<u8, Refused>> + Send;

    #[monitored]
    fn with_default(&self) -> u8
    where
        Self: Sized,
    {
        1
    }
}

impl<T> Handler for &Store<T>
where
    T: Send + Sync,
{
    #[monitored]
    fn handle(&self, fail: bool) -> Result<u8, Refused> {
        if fail { Err(Refused) } else { Ok(1) }
    }

    #[monitored]
    async fn native(&self, text: &str) -> Result<usize, Refused> {
        yield_now().await;
        Ok(self.items.len() + text.len())
    }

    #[monitored]
    fn spelled(&self) -> impl Future<Output = Result<u8, Refused>> + Send {
        async move {
            let _items = &self.items;
            Err(Refused)
        }
    }
}

trait Count {
    fn count(&self) -> usize;
}

impl<T, const N: usize> Count for [T; N] {
    #[monitored(method = "count_array")]
    fn count(&self) -> usize {
        N
    }
}

impl dyn Count {
    #[monitored]
    fn on_object(&self) -> usize {
        self.count()
    }
}

#[async_trait::async_trait]
trait Remote {
    async fn fetch(&self, key: &str) -> Result<String, Refused>;

    #[monitored]
    async fn fetch_default(&self, key: String) -> Result<String, Refused> {
        yield_now().await;
        if key.is_empty() {
            return Err(Refused);
        }
        Ok(key)
    }
}

#[async_trait::async_trait]
impl<T: Send + Sync> Remote for Store<T> {
    #[monitored]
    async fn fetch(&self, key: &str) -> Result<String, Refused> {
        yield_now().await;
        if self.items.is_empty() {
            return Err(Refused);
        }
        Ok(key.to_owned())
    }
}

macro_rules! method {
    ($self:ident, $name:ident, $body:block) => {
        impl Store<u16> {
            #[monitored]
            fn $name(&$self) -> usize $body
        }
    };
}

method!(self, made, { self.items.len() });

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut store = Store::new(1_u8);
    assert_eq!(store.first(), Some(&1));
    assert!(store.first_mut().is_ok());
    assert_eq!(store.later().await, Some(&1));
    assert_eq!(store.later_mut(3).await, &3);
    assert_eq!(Pin::new(&mut store).pinned(), 2);
    assert_eq!(store.to_string(), "2");
    assert!((&store).handle(true).is_err());
    assert_eq!((&store).native("ab").await.unwrap_or(0), 4);
    assert!((&store).spelled().await.is_err());
    assert_eq!((&store).with_default(), 1);
    assert_eq!(store.fetch("a").await.unwrap_or_default(), "a");
    assert!(store.fetch_default(String::new()).await.is_err());
    assert_eq!(Arc::new(Store::new(1)).shared(), 1);
    assert_eq!(Box::new(Store::new(1)).boxed(), [1]);
    assert_eq!(store.owned(2).items.len(), 3);
    assert_eq!([1, 2].count(), 2);
    let object: &dyn Count = &[1, 2, 3];
    assert_eq!(object.on_object(), 3);
    assert_eq!(Store::new(1_u16).made(), 1);
}
