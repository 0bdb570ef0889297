//! The attribute on `impl` blocks.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, clippy::all, clippy::pedantic, clippy::nursery)]
#![allow(clippy::missing_const_for_fn, clippy::unused_async, clippy::unused_self)]

use std::fmt;

use monitor_core::{Monitor, MonitorLabel, StorageConfig, monitored};
use tokio::task::yield_now;

#[derive(Clone, Copy, MonitorLabel)]
enum Tier {
    Free,
    Paid,
}

struct Refused;

struct Store<T, const N: usize> {
    items: [T; N],
}

#[monitored(task = "storage", buckets = [0.1, 1])]
impl<T: Clone, const N: usize> Store<T, N> {
    #![allow(clippy::use_self)]

    const LEN: usize = { N };

    const fn len(&self) -> usize {
        Self::LEN
    }

    fn new(items: [T; N]) -> Store<T, N> {
        Store { items }
    }

    /// Documented.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.items.first()
    }

    #[monitored(skip)]
    fn left_alone(&self) -> usize {
        self.len()
    }

    #[monitored(method = "Own", labels(tier = tier, item = item), health = false, call = call)]
    fn labelled<L: MonitorLabel>(&self, tier: Tier, item: L) -> f64 {
        call.observe("tokens", 1.0);
        let _labels = (tier, item);
        1.0
    }

    async fn later(&mut self, item: T) -> Result<&mut T, Refused>
    where
        [(); N]: Sized,
    {
        yield_now().await;
        let first = self.items.first_mut().ok_or(Refused)?;
        *first = item;
        Ok(first)
    }
}

#[monitored(prefix = "Shown", only_pub)]
impl fmt::Display for Store<u8, 1> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.items[0])
    }
}

#[monitored(prefix = "", only_pub, health = false, crate = ::monitor_core)]
impl Store<u8, 2> {
    pub fn public(&self) -> usize {
        self.restricted() + self.private() + self.told()
    }

    pub(crate) fn restricted(&self) -> usize {
        self.items.len()
    }

    fn private(&self) -> usize {
        self.items.len()
    }

    #[::monitor_core::monitored]
    fn told(&self) -> usize {
        self.items.len()
    }
}

trait Named {
    const NAME: &'static str;
    type Name;

    fn name(&self) -> Self::Name;
}

#[monitored(prefix = "Array")]
impl Named for [Tier; 2] {
    const NAME: &'static str = "array";
    type Name = &'static str;

    fn name(&self) -> Self::Name {
        Self::NAME
    }
}

#[monitored]
impl Named for &Tier {
    const NAME: &'static str = "tier";
    type Name = &'static str;

    fn name(&self) -> Self::Name {
        Self::NAME
    }
}

#[async_trait::async_trait]
trait Remote {
    async fn fetch(&self, fail: bool) -> Result<u8, Refused>;
}

#[monitored]
#[async_trait::async_trait]
impl Remote for Tier {
    #[monitored(call = call)]
    async fn fetch(&self, fail: bool) -> Result<u8, Refused> {
        yield_now().await;
        call.observe("tokens", 1.0);
        if fail { Err(Refused) } else { Ok(1) }
    }
}

#[async_trait::async_trait]
#[monitored]
impl Remote for u16 {
    #[monitored(call = call, labels(fail = fail), max_concurrency = 4)]
    async fn fetch(&self, fail: bool) -> Result<u8, Refused> {
        yield_now().await;
        call.observe("tokens", 1.0);
        if fail { Err(Refused) } else { Ok(1) }
    }
}

macro_rules! made {
    ($vis:vis $name:ident, $ty:ty, $body:block) => {
        #[monitored]
        impl Tier {
            $vis fn $name(self) -> $ty $body
        }
    };
}

made!(pub made_by_a_macro, u8, { 1 });

fn methods(monitor: Monitor) -> Vec<String> {
    let methods = monitor.snapshot().methods;
    let called = methods.iter().filter(|method| method.started > 0);
    called.map(|method| method.name.to_string()).collect()
}

async fn all_but_public() {
    let mut store = Store::new([1_u8]);
    assert_eq!(store.first(), Some(&1));
    assert_eq!(store.left_alone(), 1);
    assert!(store.labelled(Tier::Free, true) > 0.0);
    assert!(store.later(2).await.is_ok());
    assert_eq!(store.to_string(), "2");
    assert_eq!([Tier::Free, Tier::Paid].name(), "array");
    assert_eq!((&Tier::Free).name(), "tier");
    assert!(Tier::Free.fetch(true).await.is_err());
    assert!(1_u16.fetch(true).await.is_err());
    assert_eq!(Tier::Free.made_by_a_macro(), 1);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let monitor = Monitor::new(StorageConfig::default());
    monitor.scope(all_but_public()).await;
    assert_eq!(
        methods(monitor),
        [
            "Array::name",
            "Own",
            "Shown::fmt",
            "Store::first",
            "Store::later",
            "Store::new",
            "Tier::fetch",
            "Tier::made_by_a_macro",
            "Tier::name",
            "u16::fetch",
        ]
    );
    let monitor = Monitor::new(StorageConfig::default());
    assert_eq!(monitor.scope_sync(|| Store { items: [1_u8, 2] }.public()), 6);
    assert_eq!(methods(monitor), ["public", "told"]);
}
