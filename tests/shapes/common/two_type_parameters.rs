//! Two type parameters, bound in a where clause.
//@ shape: two type parameters with where clause
//@ records: join = ok 1, other 1
//@ records: join_later = ok 1, other 1

use std::fmt::{Debug, Display};

use monitor_core::monitored;
use shapes_driver::{block_on, send, yield_now};

#[monitored]
fn join<A, B>(a: A, b: &B) -> Result<String, B>
where
    A: Display,
    B: Clone + Debug,
{
    if a.to_string().is_empty() { Err(b.clone()) } else { Ok(format!("{}{:?}", a, b)) }
}

#[monitored]
async fn join_later<A, B>(a: A, b: &B) -> Result<String, B>
where
    A: Display + Send,
    B: Clone + Debug + Sync + Send,
{
    yield_now().await;
    if a.to_string().is_empty() {
        return Err(b.clone());
    }
    Ok(format!("{}{:?}", a, b))
}

/// Runs it.
pub fn run() -> String {
    let later = block_on(async { (send(join_later("", &1)).await, join_later(2, &"b").await) });
    format!("{:?} {:?} {:?}", join("", &1), join(2, &"b"), later)
}
