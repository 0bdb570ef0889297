//! Associated functions of a generic type.
//@ shape: associated fns in a generic impl returning `Self`
//@ records: new = ok 1
//@ records: try_new = ok 1, other 1
//@ records: open = ok 1

use std::marker::PhantomData;

use monitor_core::monitored;
use shapes_driver::{block_on, yield_now};

/// Keeps a thing.
#[derive(Debug)]
pub struct Keeper<'a, T, const N: usize>
where
    T: Clone,
{
    items: Vec<T>,
    borrowed: PhantomData<&'a T>,
}

impl<'a, T, const N: usize> Keeper<'a, T, N>
where
    T: Clone,
{
    /// Of one.
    #[monitored]
    pub fn new(item: &'a T) -> Self {
        Self { items: vec![item.clone(); N], borrowed: PhantomData }
    }

    #[monitored]
    fn try_new(items: Vec<T>) -> Result<Self, String> {
        if items.len() != N {
            return Err(format!("{} items", items.len()));
        }
        Ok(Self { items, borrowed: PhantomData })
    }

    #[monitored]
    async fn open(item: T) -> Keeper<'a, T, N> {
        yield_now().await;
        Self { items: vec![item; N], borrowed: PhantomData }
    }
}

/// Runs it.
pub fn run() -> String {
    let new = Keeper::<_, 2>::new(&'a');
    let open = block_on(Keeper::<_, 1>::open('b'));
    let tried = (Keeper::<u8, 1>::try_new(vec![]), Keeper::<u8, 0>::try_new(vec![]));
    format!("{:?} {:?} {:?}", new, open, tried)
}
